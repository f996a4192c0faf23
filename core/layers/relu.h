/* core/layers/relu.h -- rectified linear unit.
 *
 *   dst = max(0, src)
 *
 * Shapes    dst as src.
 * Backward  diff_src = dst > 0 ? diff_dst : 0.
 * NaN       is passed on, in both directions.
 * Source    Nair and Hinton 2010; core/kernels/relu.h.
 */
#pragma once
#include "core/graph/graph.h"

extern const LayerType RELU;

Node relu(Graph *g, Node src, const char *name);
