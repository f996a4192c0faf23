/* core/layers/concat.h -- joins feature maps along the channels.
 *
 *   dst[n][..] = channels of the first src, then those of the second, ...
 *
 * Shapes    srcs N x Ci x H x W with equal H and W; dst N x (sum of Ci) x H x W.
 * Backward  each diff_src is its slice of diff_dst.
 * Errors    ERR_INVALID: no source, or sources whose images differ in size.
 */
#pragma once
#include "core/graph/graph.h"

extern const LayerType CONCAT;

Node concat(Graph *g, const char *name, const Node *srcs, int src_count);
