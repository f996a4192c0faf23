/* core/data/decode/png_chunks.h -- inside the room: the chunks of a PNG in memory, one after the
 * other. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *at, *end;  // what has not been read
    const uint8_t *data;      // of the chunk
    size_t length;
    char type[4];
} PngChunks;

/* Before the first chunk; `size` is at least the signature's. */
PngChunks png_chunks(const uint8_t *bytes, size_t size);
bool png_next_chunk(PngChunks *c);  // false: there is no more that is whole
bool png_chunk_is(const PngChunks *c, const char *type);
