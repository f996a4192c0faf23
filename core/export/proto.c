#include "core/export/proto.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

typedef enum { WIRE_VARINT = 0, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 } Wire;

/* Room for `size` more bytes at the end, which the caller fills. */
static uint8_t *extend(Proto *m, size_t size)
{
    if (m->size + size > m->room) {
        m->room = 2 * m->room + size;
        m->bytes = xrealloc(m->bytes, m->room, 1);
    }
    m->size += size;
    return m->bytes + m->size - size;
}

/* Seven bits a byte, the lowest first; the highest bit says that more follow. */
static void append_varint(Proto *m, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *extend(m, 1) = (uint8_t)(value | 0x80);
    *extend(m, 1) = (uint8_t)value;
}

static void append_key(Proto *m, int field, Wire wire)
{
    append_varint(m, (uint64_t)field << 3 | wire);
}

void proto_int(Proto *m, int field, int64_t value)
{
    append_key(m, field, WIRE_VARINT);
    append_varint(m, (uint64_t)value);
}

void proto_float(Proto *m, int field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    append_key(m, field, WIRE_FIXED32);
    for (int i = 0; i < 4; i++)
        *extend(m, 1) = (uint8_t)(bits >> 8 * i);
}

void proto_bytes(Proto *m, int field, const void *bytes, size_t size)
{
    append_key(m, field, WIRE_LENGTH);
    append_varint(m, size);
    if (size > 0)
        memcpy(extend(m, size), bytes, size);
}

void proto_text(Proto *m, int field, const char *text)
{
    proto_bytes(m, field, text, strlen(text));
}

static void add_loan(Proto *m, ProtoLoan loan)
{
    m->loans = xrealloc(m->loans, m->loan_count + 1, sizeof *m->loans);
    m->loans[m->loan_count++] = loan;
    m->loaned += loan.size;
}

void proto_borrow(Proto *m, int field, const void *bytes, size_t size)
{
    append_key(m, field, WIRE_LENGTH);
    append_varint(m, size);
    add_loan(m, (ProtoLoan){m->size, bytes, size});
}

void proto_message(Proto *m, int field, Proto *part)
{
    append_key(m, field, WIRE_LENGTH);
    append_varint(m, proto_size(part));
    proto_join(m, part);
}

void proto_join(Proto *m, Proto *part)
{
    for (size_t i = 0; i < part->loan_count; i++) {
        ProtoLoan loan = part->loans[i];
        loan.at += m->size;
        add_loan(m, loan);
    }
    if (part->size > 0)
        memcpy(extend(m, part->size), part->bytes, part->size);
    proto_free(part);
}

size_t proto_size(const Proto *m)
{
    return m->size + m->loaned;
}

bool proto_write(const Proto *m, AtomicFile *file, Error *err)
{
    size_t done = 0;
    for (size_t i = 0; i < m->loan_count; i++) {
        const ProtoLoan *loan = &m->loans[i];
        if (!atomic_file_write(file, m->bytes + done, loan->at - done, err)
            || !atomic_file_write(file, loan->bytes, loan->size, err))
            return false;
        done = loan->at;
    }
    return atomic_file_write(file, m->bytes + done, m->size - done, err);
}

void proto_free(Proto *m)
{
    free(m->bytes);
    free(m->loans);
    *m = (Proto){0};
}
