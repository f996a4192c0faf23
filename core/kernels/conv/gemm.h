/* core/kernels/conv/gemm.h -- small matrix products from cache, for one thread.
 *
 *   c[i][j] = sum over k of a[i][k] * b[k][j], added to c if `add`; the same for `count` matrices
 *   at distances of `a_step`, `b_step` and `c_step`
 *
 * The numbers of a and b are float32, or pairs of bfloat16 that are neighbours along k: both are 32
 * bits wide, so one loop with two multiply-add instructions serves both types. Sums are float32.
 *
 * Shapes   a: `rows` x `depth`, any strides. b: packed in panels of GEMM_PANEL columns, each
 *          depth x GEMM_PANEL without gaps; the last panel may be VEC columns wide. c: `rows` x
 *          `cols`, 64-byte aligned rows. `cols` is a multiple of VEC.
 * Source   the register blocking of Goto and van de Geijn, "Anatomy of High-Performance Matrix
 *          Multiplication", 2008.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "core/kernels/vec.h"

enum { GEMM_PANEL = 2 * VEC };

typedef struct {
    int rows, cols;
    int depth;  // in 32-bit units: numbers for float32, pairs for bfloat16
    const void *a;
    ptrdiff_t a_row, a_depth;  // distances in 32-bit units
    const void *b;
    float *c;
    ptrdiff_t c_row;
    bool add;
    int count;                         // 0 means 1
    ptrdiff_t a_step, b_step, c_step;  // in 32-bit units
} Gemm;

/* The i-th of the products. */
static inline Gemm gemm_at(const Gemm *g, int i)
{
    Gemm one = *g;
    one.a = (const float *)g->a + i * g->a_step;
    one.b = (const float *)g->b + i * g->b_step;
    one.c = g->c + i * g->c_step;
    one.count = 1;
    return one;
}

typedef void GemmKernel(const Gemm *g);

/* The fastest kernel for this CPU, or NULL where none is faster than oneDNN: AVX-512 for float32,
 * AVX512-BF16 for bfloat16. Limits on oneDNN's instruction sets hold here as well. */
GemmKernel *gemm_kernel(bool bf16);

/* The kernel for bfloat16 that uses the CPU's matrix tiles (AMX), several times as fast, or NULL.
 * It takes a by rows only: a_depth is 1. oneDNN, when it finds AMX, asks the kernel of the system
 * for its use. */
GemmKernel *gemm_tiles(void);

/* Plain C for any CPU, to compare with. */
GemmKernel gemm_plain_f32, gemm_plain_bf16;
