/* core/layers/dropout.h -- in training, some of the numbers become 0, at random.
 *
 *   dst[n][i] = 0 with probability `rate`, else src[n][i] / (1 - rate)
 *
 * Shapes      dst as src.
 * Evaluation  dst is src, in the same memory.
 * Backward    diff_src from diff_dst likewise, with the same ones dropped: they follow from the
 *             seed, the node's name, the step, the example's place in the whole batch and i, and
 *             are not kept.
 * NaN         stays one, also where it is dropped.
 * Errors      ERR_INVALID: a rate below 0, or not below 1.
 * Source      Srivastava et al. 2014, scaled as PyTorch's Dropout is; core/kernels/dropout.h.
 */
#pragma once
#include "core/graph/graph.h"

typedef struct {
    float rate;
} Dropout;

extern const LayerType DROPOUT;

Node dropout(Graph *g, Node src, const char *name, Dropout c);
