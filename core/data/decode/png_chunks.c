#include "core/data/decode/png_chunks.h"

#include <string.h>

#include "core/base/numbers/byte_order.h"

enum { SIGNATURE = 8, AROUND = 12 };  // length, type, checksum

PngChunks png_chunks(const uint8_t *bytes, size_t size)
{
    return (PngChunks){.at = bytes + SIGNATURE, .end = bytes + size};
}

bool png_next_chunk(PngChunks *c)
{
    const size_t left = (size_t)(c->end - c->at);
    if (left < AROUND || read_be32(c->at) > left - AROUND)
        return false;
    c->length = read_be32(c->at);
    memcpy(c->type, c->at + 4, sizeof c->type);
    c->data = c->at + 8;
    c->at = c->data + c->length + 4;
    return true;
}

bool png_chunk_is(const PngChunks *c, const char *type)
{
    return memcmp(c->type, type, sizeof c->type) == 0;
}
