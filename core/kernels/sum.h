/* core/kernels/sum.h -- adds up tensors.
 *
 *   dst[i] = srcs[0][i] + srcs[1][i] + ...   in this order, in float32, rounded once; 0 where
 *                                            value[i] is not above 0, as in core/kernels/relu.h
 *
 * Shapes   all the same, channels-last, float32 or bfloat16, with any distance between pixels; dst
 *          is none of the sources.
 */
#pragma once
#include "core/dnn/tensor.h"

enum { SUM_MAX_SRCS = 8 };

/* Without a `value` there is no mask. */
void sum_tensors(Tensor *dst, Tensor *const *srcs, int src_count, const Tensor *value);
