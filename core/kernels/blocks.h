/* core/kernels/blocks.h -- cuts a long array into blocks for a team of threads. */
#pragma once
#include <stddef.h>

/* Numbers that are worked on at a time: a few arrays of them fit the first-level cache. */
enum { KERNEL_BLOCK = 2048 };

static inline size_t kernel_blocks(size_t count)
{
    return (count + KERNEL_BLOCK - 1) / KERNEL_BLOCK;
}

/* How many numbers block b has: all but the last are full. */
static inline size_t kernel_block_size(size_t count, size_t b)
{
    const size_t left = count - b * KERNEL_BLOCK;
    return left < KERNEL_BLOCK ? left : KERNEL_BLOCK;
}
