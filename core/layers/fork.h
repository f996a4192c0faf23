/* core/layers/fork.h -- inserted where a value has several readers, to add up their gradients.
 *
 *   dst = src, the same memory
 *
 * Shapes    dst as src.
 * Backward  diff_src = sum of all diff_dst, in the order of the readers. With `relu_mask`, it
 *           becomes 0 where dst is not above 0.
 *
 * Models do not write forks; rewrite_insert_forks does (the idea is Caffe's Split layer).
 */
#pragma once
#include "core/graph/graph.h"

typedef struct {
    bool relu_mask;  // apply the backward mask of the ReLU before it: see core/net/rewrites.h
} Fork;

extern const LayerType FORK;

Node fork_value(Graph *g, Node src, const char *name, Fork f);
