/* core/net/rewrites.h -- graph to graph: the same function, faster.
 *
 * Each returns a new graph whose nodes keep the names of those they came from, so that parameters
 * are found under the same names. None changes what the network computes, but for rounding. They
 * stand here in the order in which rewrite_all makes them.
 */
#pragma once
#include "core/graph/graph.h"

/* A conv, an add or a batch_norm whose only reader is a relu takes it in: one pass over memory less
 * in each direction. */
Graph *rewrite_fold_relu(const Graph *g);

/* The 1x1 convolutions that read one value become one, with all their output channels, and a slice
 * for each gives its part: the value is read once in each direction, and the product is a larger
 * one. Where a batch norm alone reads each of them, and all of those do the same, they become one
 * before the slices. Their parameters stand side by side in the store already: see
 * core/dnn/params.h. After rewrite_fold_relu, before rewrite_mask_in_reader. */
Graph *rewrite_merge_siblings(const Graph *g);

/* The backward pass of a ReLU is a mask: a gradient becomes 0 where the value is not above 0. The
 * layer that the ReLU was folded into applies it to its diff_dst, or one that reads the value
 * applies it (`relu_mask` in its config) to the gradient that it gives: then the mask has moved
 * (Conv.mask_moved). It moves where it costs less: to a conv or a concat, which write the gradient
 * anyway, so that two passes over memory become one, and to a max pool, which has fewer gradients
 * than its source. For a conv, or a slice of one, with a relu and no other reader. After
 * rewrite_fold_relu, before rewrite_insert_forks. */
Graph *rewrite_mask_in_reader(const Graph *g);

/* A value with several readers gets a fork behind it, where their gradients are added up. Training
 * needs this one: see core/layers/layer.h. */
Graph *rewrite_insert_forks(const Graph *g);

/* A concat that masks the gradients of all its sources leaves that to its reader: to a fork, which
 * adds up gradients anyway, or a max pool. With views it has nothing left to do. After
 * rewrite_insert_forks. */
Graph *rewrite_mask_past_concat(const Graph *g);

/* What can be left out, to compare with and without. */
enum {
    REWRITE_NO_FOLD_BATCH_NORM = 1,  // of evaluation alone: see core/net/folded.h
    REWRITE_NO_FOLD_RELU = 2,
    REWRITE_NO_MERGE_SIBLINGS = 4,
    REWRITE_NO_MASK_IN_READER = 8,
    REWRITE_NO_MASK_PAST_CONCAT = 16,
    // Not of the graph: see ProgramConfig in core/net/program.h.
    REWRITE_NO_REUSE_MEMORY = 32,
    REWRITE_NO_VIEWS = 64,
};

/* The flag that leaves out one of these; 0 for other names. */
#define REWRITE_NAMES                                                                              \
    "fold_relu, merge_siblings, mask_in_reader, mask_past_concat, reuse_memory, fold_batch_norm "  \
    "or views"
unsigned rewrite_flag(const char *name);

/* For those who write one: what takes the place of g's node n in `out`. new_node has that of each
 * node before n; one that takes several nodes' place at once sets those after n too, and returns
 * them when it is asked for them. */
typedef Node (*RewriteNode)(Graph *out, const Graph *g, Node n, Node *new_node);
Graph *rewrite_nodes(const Graph *g, RewriteNode rewrite);  // of each node, in order

/* A RewriteNode that changes nothing: appends a copy of n. */
Node rewrite_copy_node(Graph *out, const Graph *g, Node n, const Node *new_node);

/* All of them, but for those in `without`: the graph that runs. */
Graph *rewrite_all(const Graph *g, unsigned without);
