#include "core/data/decode/png_chunks.h"

#include <string.h>

enum { SIGNATURE = 8, AROUND = 12 };  // length, type, checksum

PngChunks png_chunks(const uint8_t *bytes, size_t size)
{
    return (PngChunks){.at = bytes + SIGNATURE, .end = bytes + size};
}

uint32_t png_number(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

bool png_next_chunk(PngChunks *c)
{
    const size_t left = (size_t)(c->end - c->at);
    if (left < AROUND || png_number(c->at) > left - AROUND)
        return false;
    c->length = png_number(c->at);
    memcpy(c->type, c->at + 4, sizeof c->type);
    c->data = c->at + 8;
    c->at = c->data + c->length + 4;
    return true;
}

bool png_chunk_is(const PngChunks *c, const char *type)
{
    return memcmp(c->type, type, sizeof c->type) == 0;
}
