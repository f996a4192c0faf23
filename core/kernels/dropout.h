/* core/kernels/dropout.h -- some numbers become 0, the others grow by as much.
 *
 *   dst[n][i] = src[n][i] * (random(n, i) < rate ? 0 : 1 / (1 - rate))
 *
 * Its backward pass is the same function of the gradients. A NaN or an infinity that is dropped is
 * a NaN, so that none is lost.
 *
 * Shapes   src and dst batch x count, float32 or bfloat16; dst may be src.
 * Random   number i of example n is word i % 4 of the counter (i / 4, first_example + n, step), so
 *          that neither threads nor how a batch is cut matter: core/base/numbers/philox.h.
 */
#pragma once
#include "core/base/numbers/philox.h"
#include "core/dnn/tensor.h"

typedef struct {
    float rate;  // 0 <= rate < 1
    PhiloxKey key;
    int64_t step;
    int first_example;
} DropoutMask;

void dropout_apply(const DropoutMask *m, Tensor *dst, const Tensor *src);
