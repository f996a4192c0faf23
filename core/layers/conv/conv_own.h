/* core/layers/conv/conv_own.h -- what the state of each of our own convolution kernels begins with:
 * packed weights for forward and backward data, an accumulator for backward weights.
 *
 * Errors   ERR_NO_MEMORY.
 */
#pragma once
#include "core/kernels/conv/gemm.h"
#include "core/layers/conv/conv_kernel.h"

typedef struct {
    const ConvTask *task;
    GemmKernel *multiply;
    bool by_rows;           // a of its products
    SharedPack *pack;       // forward and backward data
    GradAccumulator *sums;  // backward weights
} ConvOwn;

/* Whether a kernel of ours can compute in the problem's types on this CPU. */
bool conv_own_supports(const ConvKernel *k, const ConvProblem *p);

/* Zeroed state of `bytes` that begins with a ConvOwn. */
void *conv_own_new(const ConvKernel *k, const ConvTask *task, size_t bytes);

/* Room for packed weights and working memory. */
bool conv_own_reserve_pass(ConvOwn *o, const ConvKernel *k, size_t pack_bytes, size_t scratch_bytes,
                           Error *err);
/* Room for so many sums and working memory. */
bool conv_own_reserve_grad(ConvOwn *o, const ConvKernel *k, size_t sums, size_t scratch_bytes,
                           Error *err);

/* Backward weights: before the sums are added to; then add the bias's gradient. */
void conv_own_start_grad(const ConvOwn *o);
void conv_own_add_bias(const ConvOwn *o);
/* Whether there are sums to flush, and then whether they are added to the store. */
bool conv_own_flush(const ConvOwn *o, bool *accumulate);

void conv_own_destroy(void *state);  // ConvKernelOps.destroy
