/* core/layers/concat.h -- joins feature maps along the channels.
 *
 *   dst[n][..] = channels of the first src, then those of the second, ...
 *
 * Shapes    srcs N x Ci x H x W with equal H and W; dst N x (sum of Ci) x H x W.
 * Backward  each diff_src is its slice of diff_dst; for a src with its bit set in `relu_masks`, 0
 *           where dst is not above 0.
 * Memory    a src that lies in dst already is not copied, nor is its gradient: see
 *           core/net/memory_plan.c.
 * Errors    ERR_INVALID: no source, or sources whose images differ in size.
 */
#pragma once
#include "core/graph/graph.h"

typedef struct {
    unsigned relu_masks;  // bit i: apply the backward mask of the ReLU that gives src i
} Concat;

extern const LayerType CONCAT;

Node concat(Graph *g, const char *name, const Node *srcs, int src_count);
Node concat_masked(Graph *g, const char *name, const Node *srcs, int src_count, Concat c);
