/* core/kernels/vec_transpose.h -- transposes 16 x 16 numbers of 32 bits, in registers. */
#pragma once
#include "core/kernels/vec.h"

/* Rows i and i + SIDE, of 2 * SIDE rows each, swap the blocks of SIDE x SIDE numbers that lie
 * across the diagonal. */
// clang-format off
#define VEC_SWAP(SIDE)                                                                             \
    for (int i = 0; i < VEC; i++) {                                                                \
        if (i & (SIDE))                                                                            \
            continue;                                                                              \
        const VecBits x = rows[i], y = rows[i + (SIDE)];                                           \
        rows[i] = __builtin_shufflevector(x, y, VEC_LOW_##SIDE);                                              \
        rows[i + (SIDE)] = __builtin_shufflevector(x, y, VEC_HIGH_##SIDE);                                    \
    }
#define VEC_LOW_8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define VEC_HIGH_8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define VEC_LOW_4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define VEC_HIGH_4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define VEC_LOW_2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define VEC_HIGH_2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define VEC_LOW_1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define VEC_HIGH_1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31
// clang-format on

VEC_INLINE void vec_transpose(VecBits *rows)
{
    VEC_SWAP(8)
    VEC_SWAP(4)
    VEC_SWAP(2)
    VEC_SWAP(1)
}
