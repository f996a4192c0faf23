/* core/kernels/relu_mask.h -- the backward pass of a ReLU that was folded into another layer.
 *
 *   dst[i] = value[i] > 0 ? diff[i] : 0
 *
 * Shapes   all alike, channels-last, float32 or bfloat16.
 */
#pragma once
#include "core/dnn/tensor.h"

/* In place, by all threads. */
void relu_mask(Tensor *diff, const Tensor *value);

/* `count` numbers in a row, by the calling thread. dst may be diff. */
void relu_mask_row(dnnl_data_type_t type, void *dst, const void *diff, const void *value,
                   size_t count);
