/* core/kernels/scaled_sum.h -- the sum of two tensors, the second one scaled, and its backward
 * pass.
 *
 *   forward    dst[i] = srcs[0][i] + scale * srcs[1][i], then max(0, .) with `relu`; computed in
 *              float32, rounded once
 *   backward   diff_srcs[0][i] = diff_dst[i], diff_srcs[1][i] = scale * diff_dst[i], where diff_dst
 *              counts as 0 where dst is not above 0 with `relu`
 *
 * A NaN is not lost: see core/kernels/relu.h.
 *
 * Shapes   all the same, channels-last, float32 or bfloat16.
 */
#pragma once
#include "core/dnn/tensor.h"

typedef struct {
    float scale;
    bool relu;
} ScaledSum;

/* dst may be srcs[0]. */
void scaled_sum_forward(ScaledSum how, Tensor *dst, Tensor *const srcs[2]);
/* Either of diff_srcs may be NULL, and diff_srcs[0] may be diff_dst. `dst` is read with `relu`
 * alone. May change diff_dst. */
void scaled_sum_backward(ScaledSum how, Tensor *const diff_srcs[2], Tensor *diff_dst,
                         const Tensor *dst);
