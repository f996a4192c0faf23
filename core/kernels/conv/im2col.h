/* core/kernels/conv/im2col.h -- convolutions of any window as one matrix product (im2col).
 *
 *   forward            dst[pixel][o]  = sum over j of col[pixel][j] * weights[o][j], + bias, ReLU
 *   backward weights   sums[o][j]    += sum over pixels of diff_dst[pixel][o] * col[pixel][j]
 *
 * Row `pixel` of the matrix col is what the window sees from one pixel of dst: kernel_h runs of
 * kernel_w * `in` neighbouring numbers of the image padded with zeros. The matrix never exists as a
 * whole: rows are gathered into cache, a block at a time, and multiplied from there.
 *
 * Shapes      as core/kernels/conv/conv_problem.h, pixel strides too; plain weights
 *             out x in x kernel_h x kernel_w, float32. Forward wants `out` to be a multiple of VEC.
 * Precision   float32, or bfloat16 with sums in float32: that of the direct sum.
 */
#pragma once
#include "core/kernels/conv/conv_problem.h"
#include "core/kernels/conv/gemm.h"

typedef struct {
    ConvProblem conv;
    GemmKernel *multiply;  // for its type
    bool by_rows;          // pack what gemm_tiles takes
} Im2col;

/* Bytes of packed weights, and of working memory. All memory that is handed over must be 64-byte
 * aligned. */
size_t im2col_weights_bytes(const Im2col *p);
size_t im2col_scratch_bytes(const Im2col *p);
void im2col_pack(const Im2col *p, const float *weights, void *packed);

/* src -> dst. `bias` may be NULL. */
void im2col_run(const Im2col *p, const void *src, const void *packed, const float *bias, void *dst,
                void *scratch);

/* Numbers in the sums: a layout of its own, to accumulate many batches in. */
size_t im2col_grad_sums(const Im2col *p);
size_t im2col_grad_scratch_bytes(const Im2col *p);
void im2col_grad(const Im2col *p, const void *src, const void *diff_dst, float *sums,
                 void *scratch);
/* Sums -> the gradient of plain weights, set or added. */
void im2col_grad_flush(const Im2col *p, const float *sums, bool accumulate, float *weights);
