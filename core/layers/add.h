/* core/layers/add.h -- the sum of two feature maps: a residual connection.
 *
 *   dst = first + scale * second
 *
 * Shapes    both sources and dst N x C x H x W. The two may be one node.
 * Backward  the gradient of the first is diff_dst, that of the second scale * diff_dst. With
 *           `relu`, dst = max(0, .), and diff_dst is set to 0 where dst is not above 0 before
 *           anything else: the result of an add and a relu node, in one pass.
 * NaN       of either source is passed on.
 * Errors    ERR_INVALID: sources of different shapes, a scale that is not finite.
 * Source    He et al. 2015, equation (1); Szegedy et al. 2017, section 3.3, for the scale;
 *           core/kernels/scaled_sum.h.
 */
#pragma once
#include "core/graph/graph.h"

typedef struct {
    float scale;  // of the second source; 0 means 1
    bool relu;    // set by the rewrite that folds a relu node in; models use relu()
} Add;

extern const LayerType ADD;

Node add(Graph *g, Node first, Node second, const char *name, Add c);
