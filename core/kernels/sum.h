/* core/kernels/sum.h -- adds up tensors.
 *
 *   dst[i] = srcs[0][i] + srcs[1][i] + ...   in this order, in float32, rounded once
 *
 * Shapes   all the same, channels-last, float32 or bfloat16; dst is none of the sources.
 */
#pragma once
#include "core/dnn/tensor.h"

void sum_tensors(Tensor *dst, Tensor *const *srcs, int src_count);
