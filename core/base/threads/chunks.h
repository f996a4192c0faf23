/* core/base/threads/chunks.h -- cuts a long array into chunks for a team of threads. */
#pragma once
#include <stddef.h>

/* Numbers that are processed at a time: a few arrays of that length fit the L1 cache. */
enum { CHUNK = 2048 };

static inline size_t chunk_count(size_t count)
{
    return (count + CHUNK - 1) / CHUNK;
}

/* How many numbers chunk c has: all but the last are full. */
static inline size_t chunk_size(size_t count, size_t c)
{
    const size_t left = count - c * CHUNK;
    return left < CHUNK ? left : CHUNK;
}
