/* core/layers/slice.h -- some channels of a feature map, side by side.
 *
 *   dst[n][c][i][j] = src[n][first + c][i][j] for 0 <= c < channels
 *
 * Shapes    src N x C x H x W, dst N x channels x H x W.
 * Backward  diff_dst becomes its channels of diff_src, which all slices of one src share: together
 *           they must cover it once, which graph_check sees to. With `relu_mask`, it becomes 0
 *           where dst is not above 0.
 * Memory    a dst that lies in src already is not copied, nor is its gradient: see
 *           core/net/memory_plan.c.
 * Errors    ERR_INVALID: channels that src does not have, or none.
 */
#pragma once
#include "core/graph/graph.h"

typedef struct {
    int first;
    int channels;
    bool relu_mask;  // apply the backward mask of the ReLU before it
} Slice;

extern const LayerType SLICE;

Node slice(Graph *g, Node src, const char *name, Slice s);
