/* core/kernels/conv/winograd.h -- stride-1 convolutions that keep the image's size, with fewer
 * products.
 *
 * A tile of m x m outputs of an r x r convolution depends on t x t inputs, t = m + r - 1. Transform
 * input and weights linearly to t x t points each, multiply point by point (summed over channels:
 * one matrix product for each point), transform back: t * t products instead of m * m * r * r.
 * F(3, 3) needs 25 for 81, F(4, 3) 36 for 144, F(2, 5) 36 for 100.
 *
 *   forward            dst  = at ((g w g') . (bt src bt')) at', + bias, ReLU
 *   backward data      the same with src = diff_dst, dst = diff_src and flipped weights
 *   backward weights   dw = g' ((bt src bt') . (at' diff_dst at)) g, summed over tiles
 *
 * Shapes      src batch x height x width x in, dst the same with `out`, both channels-last, with
 *             any distance between pixels; zero padding of (r - 1) / 2 on each side; `in` and `out`
 *             multiples of 16; plain weights out x in x r x r, float32.
 * Precision   float32, or bfloat16 with all transforms and sums in float32, where transformed
 *             numbers are rounded to bfloat16. Rounding errors come out 4 to 6 times as large as
 *             those of the direct sum: the points are chosen for that and not for round
 *             coefficients.
 * Source      Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016; points
 *             for small errors as in Barabasz et al., "Error Analysis and Improving the Accuracy
 *             of Winograd Convolution for Deep Neural Networks", 2020.
 */
#pragma once
#include "core/kernels/conv/conv_problem.h"
#include "core/kernels/conv/gemm.h"

typedef enum {
    WINOGRAD_1_1,  // F(1, 1): a plain matrix product
    WINOGRAD_3_3,
    WINOGRAD_4_3,
    WINOGRAD_2_5,
    WINOGRAD_VARIANTS
} WinogradVariant;

typedef struct {
    WinogradVariant variant;
    ConvProblem conv;      // for backward data the transposed one
    GemmKernel *multiply;  // for its type
    bool by_rows;          // pack what gemm_tiles takes
} Winograd;

int winograd_kernel(WinogradVariant v);  // r

/* Bytes of transformed weights, and of working memory. All memory that is handed over must be
 * 64-byte aligned. */
size_t winograd_weights_bytes(const Winograd *w);
size_t winograd_scratch_bytes(const Winograd *w);

/* Transform weights. `flipped`: those of the convolution whose backward data this is, so plain
 * weights are in x out x r x r. */
void winograd_pack(const Winograd *w, const float *weights, bool flipped, void *packed);

/* The result of a ReLU, of the shape of dst. */
typedef struct {
    const void *value;
    size_t stride;  // numbers from one pixel to the next
} WinogradMask;

/* src -> dst. `bias` may be NULL. With a `mask`, dst becomes 0 where its value is not above 0. */
void winograd_run(const Winograd *w, const void *src, const void *packed, const float *bias,
                  const WinogradMask *mask, void *dst, void *scratch);

/* Add the gradient of the weights to `sums`, in x r x r x out, float32: a layout to add up many
 * batches in. Working memory: winograd_grad_scratch_bytes. */
void winograd_grad(const Winograd *w, const void *src, const void *diff_dst, float *sums,
                   void *scratch);
size_t winograd_grad_scratch_bytes(const Winograd *w);
/* Sums -> the gradient of plain weights, set or added. */
void winograd_grad_flush(const Winograd *w, const float *sums, bool accumulate, float *weights);
