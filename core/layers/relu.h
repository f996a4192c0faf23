/* core/layers/relu.h -- rectified linear unit.
 *
 *   dst = max(0, src)
 *
 * Shapes    dst as src.
 * Backward  diff_src = dst > 0 ? diff_dst : 0.
 * Source    Nair and Hinton 2010; oneDNN eltwise_relu_use_dst_for_bwd.
 */
#pragma once
#include "core/graph/graph.h"

extern const LayerType RELU;

Node relu(Graph *g, Node src, const char *name);
