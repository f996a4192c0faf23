/* core/kernels/relu_mask.h -- the backward pass of a ReLU that was folded into another layer.
 *
 *   diff[i] = value[i] > 0 ? diff[i] : 0
 *
 * Shapes   both tensors alike, channels-last, float32 or bfloat16.
 */
#pragma once
#include "core/dnn/tensor.h"

void relu_mask(Tensor *diff, const Tensor *value);
