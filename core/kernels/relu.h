/* core/kernels/relu.h -- a rectified linear unit, and the backward pass of one that was folded into
 * another layer.
 *
 *   forward   dst[i] = max(0, src[i])
 *   mask      dst[i] = value[i] > 0 ? diff[i] : 0    where value is the ReLU's result
 *
 * A NaN is not lost: forward gives it as it is, and where value is one, the mask lets diff pass.
 *
 * Shapes   all the same, channels-last, float32 or bfloat16, with any distance between pixels.
 */
#pragma once
#include "core/dnn/tensor.h"

/* By all threads. dst may be src. */
void relu_forward(Tensor *dst, const Tensor *src);
void relu_mask(Tensor *dst, const Tensor *diff, const Tensor *value);

/* `count` numbers in a row, by the calling thread. dst may be diff. */
void relu_mask_row(dnnl_data_type_t type, void *dst, const void *diff, const void *value,
                   size_t count);
