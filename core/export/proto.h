/* core/export/proto.h -- protocol buffers, the writing half: fields appended to a message.
 *
 * A message is a row of fields, each a key (its number and wire type) and a value. A message within
 * a message, a text and bytes are written with their length before them. Large values are not
 * copied: a message keeps a reference to them, and they are read when it is written to a file.
 *
 * Source   https://protobuf.dev/programming-guides/encoding/
 */
#pragma once
#include <stdint.h>

#include "core/base/files/atomic_file.h"

/* Bytes that stand in a message before byte `at` of its own. */
typedef struct {
    size_t at;
    const void *bytes;  // borrowed
    size_t size;
} ProtoLoan;

/* A message being made; {0} is an empty one. */
typedef struct {
    uint8_t *bytes;  // its own
    size_t size, room;
    ProtoLoan *loans;  // in the order of the message
    size_t loan_count;
    size_t loaned;  // bytes of all loans
} Proto;

void proto_int(Proto *m, int field, int64_t value);
void proto_float(Proto *m, int field, float value);
void proto_text(Proto *m, int field, const char *text);
void proto_bytes(Proto *m, int field, const void *bytes, size_t size);  // copied
/* `bytes` must stay until the message that this one ends up in has been written. */
void proto_borrow(Proto *m, int field, const void *bytes, size_t size);
/* These take what `part` has, which is empty again afterwards: as a message within this one, or its
 * fields as fields of this one. */
void proto_message(Proto *m, int field, Proto *part);
void proto_join(Proto *m, Proto *part);

size_t proto_size(const Proto *m);  // bytes of the whole message
bool proto_write(const Proto *m, AtomicFile *file, Error *err);
void proto_free(Proto *m);  // leaves an empty one
