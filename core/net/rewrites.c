#include "core/net/rewrites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/layers/add.h"
#include "core/layers/batch_norm.h"
#include "core/layers/concat.h"
#include "core/layers/conv/conv.h"
#include "core/layers/fork.h"
#include "core/layers/max_pool.h"
#include "core/layers/relu.h"
#include "core/layers/slice.h"

Node rewrite_copy_node(Graph *out, const Graph *g, Node n, const Node *new_node)
{
    if (n == graph_input(g))
        return graph_input(out);
    const GraphNode *node = graph_node(g, n);
    Node srcs[GRAPH_MAX_SRCS];
    for (int s = 0; s < node->src_count; s++)
        srcs[s] = new_node[node->srcs[s]];
    return graph_add(out, node->name, node->type, node->config, srcs, node->src_count);
}

Graph *rewrite_nodes(const Graph *g, RewriteNode rewrite)
{
    const int count = graph_node_count(g);
    Node *new_node = xcalloc((size_t)count, sizeof *new_node);
    Graph *out = graph_new(graph_shape(g, graph_input(g)));
    for (Node n = 0; n < count; n++)
        new_node[n] = rewrite(out, g, n, new_node);
    free(new_node);
    return out;
}

static bool is_foldable_relu(const Graph *g, Node n)
{
    const GraphNode *node = graph_node(g, n);
    if (node->type != &RELU)
        return false;
    const GraphNode *src = graph_node(g, node->srcs[0]);
    return (src->type == &CONV || src->type == &ADD || src->type == &BATCH_NORM)
           && graph_reader_count(g, node->srcs[0]) == 1;
}

/* A copy of node n, with a ReLU. */
static Node copy_with_relu(Graph *out, const Graph *g, Node n, const Node *new_node)
{
    const GraphNode *node = graph_node(g, n);
    const Node src = new_node[node->srcs[0]];
    if (node->type == &ADD) {
        Add a = *(const Add *)node->config;
        a.relu = true;
        return add(out, src, new_node[node->srcs[1]], node->name, a);
    }
    if (node->type == &BATCH_NORM) {
        BatchNorm b = *(const BatchNorm *)node->config;
        b.relu = true;
        return batch_norm(out, src, node->name, b);
    }
    Conv c = *(const Conv *)node->config;
    c.relu = true;
    return conv(out, src, node->name, c);
}

static Node fold_relu(Graph *out, const Graph *g, Node n, Node *new_node)
{
    const Node reader = graph_last_reader(g, n);
    if (reader != NODE_NONE && is_foldable_relu(g, reader))
        return copy_with_relu(out, g, n, new_node);
    if (is_foldable_relu(g, n))
        return new_node[graph_node(g, n)->srcs[0]];
    return rewrite_copy_node(out, g, n, new_node);
}

Graph *rewrite_fold_relu(const Graph *g)
{
    return rewrite_nodes(g, fold_relu);
}

static bool is_pointwise(const GraphNode *node)
{
    const Conv *c = node->config;
    return node->type == &CONV && c->kernel == 1 && c->kernel_w == 1 && c->stride == 1
           && c->stride_w == 1 && c->pad == 0 && c->pad_w == 0;
}

static bool has_relu(const GraphNode *node)
{
    return ((const Conv *)node->config)->relu;
}

/* How many convolutions become one when n is merged with its siblings: 1 if they cannot be. */
static int merged_count(const Graph *g, Node n)
{
    const GraphNode *node = graph_node(g, n);
    if (!is_pointwise(node))
        return 1;
    int count = 0;
    for (Node i = 1; i < graph_node_count(g); i++) {
        const GraphNode *sibling = graph_node(g, i);
        if (!graph_siblings(g, n, i))
            continue;
        if (!is_pointwise(sibling) || has_relu(sibling) != has_relu(node))
            return 1;
        count++;
    }
    return count;
}

/* A batch norm alone reads each of n and its siblings, and one over all their channels can do the
 * work of all: the first of them, else NODE_NONE. Their parameters stand in the order of the
 * norms, which must be that of the channels. */
static Node norm_of_all(const Graph *g, Node n)
{
    const Node first = graph_last_reader(g, n);
    if (first == NODE_NONE || graph_node(g, first)->type != &BATCH_NORM)
        return NODE_NONE;
    const BatchNorm *a = graph_node(g, first)->config;
    Node last = first - 1;
    for (Node i = n; i < graph_node_count(g); i++) {
        if (!graph_siblings(g, n, i))
            continue;
        const Node norm = graph_last_reader(g, i);
        if (graph_reader_count(g, i) != 1 || !graph_siblings(g, first, norm) || norm <= last)
            return NODE_NONE;
        last = norm;
        const BatchNorm *b = graph_node(g, norm)->config;
        if (b->eps != a->eps || b->momentum != a->momentum || b->relu != a->relu)
            return NODE_NONE;
    }
    return first;
}

/* Replace n and its siblings by one convolution, and their batch norms by one, with a slice for
 * each. */
static void merge(Graph *out, const Graph *g, Node n, int count, Node *new_node)
{
    const GraphNode *node = graph_node(g, n);
    const Node norm = norm_of_all(g, n);
    Conv c = *(const Conv *)node->config;
    c.mask_moved = c.relu;
    c.out = 0;
    for (Node i = n; i < graph_node_count(g); i++)
        c.out += graph_siblings(g, n, i) ? graph_shape(g, i).channels : 0;
    Node merged = conv(out, new_node[node->srcs[0]], node->name, c);
    if (norm != NODE_NONE) {
        BatchNorm b = *(const BatchNorm *)graph_node(g, norm)->config;
        b.counters = count;
        merged = batch_norm(out, merged, graph_node(g, norm)->name, b);
    }
    Slice s = {.relu_mask = c.relu};
    for (Node i = n; i < graph_node_count(g); i++) {
        if (!graph_siblings(g, n, i))
            continue;
        const Node last = norm != NODE_NONE ? graph_last_reader(g, i) : i;
        char name[GRAPH_MAX_NAME];
        snprintf(name, sizeof name, "%s.slice", graph_node(g, last)->name);
        s.channels = graph_shape(g, i).channels;
        new_node[i] = new_node[last] = slice(out, merged, name, s);
        s.first += s.channels;
    }
}

static Node merge_siblings(Graph *out, const Graph *g, Node n, Node *new_node)
{
    if (new_node[n] > 0)
        return new_node[n];  // came with its first sibling
    const int count = merged_count(g, n);
    if (count == 1)
        return rewrite_copy_node(out, g, n, new_node);
    merge(out, g, n, count, new_node);
    return new_node[n];
}

Graph *rewrite_merge_siblings(const Graph *g)
{
    return rewrite_nodes(g, merge_siblings);
}

static bool mask_can_move(const Graph *g, Node n)
{
    const GraphNode *node = graph_node(g, n);
    const bool masks = node->type == &CONV
                           ? has_relu(node) && !((const Conv *)node->config)->mask_moved
                           : node->type == &SLICE && ((const Slice *)node->config)->relu_mask;
    if (!masks || graph_reader_count(g, n) != 1)
        return false;
    const LayerType *reader = graph_node(g, graph_last_reader(g, n))->type;
    return reader == &CONCAT || reader == &MAX_POOL || reader == &CONV;
}

static Node copy_slice(Graph *out, const Graph *g, Node n, const Node *new_node)
{
    const GraphNode *node = graph_node(g, n);
    Slice s = *(const Slice *)node->config;
    s.relu_mask &= !mask_can_move(g, n);
    return slice(out, new_node[node->srcs[0]], node->name, s);
}

static Node copy_conv(Graph *out, const Graph *g, Node n, const Node *new_node)
{
    const GraphNode *node = graph_node(g, n);
    Conv c = *(const Conv *)node->config;
    c.mask_moved |= mask_can_move(g, n);
    c.src_mask |= mask_can_move(g, node->srcs[0]);
    return conv(out, new_node[node->srcs[0]], node->name, c);
}

static Node copy_concat(Graph *out, const Graph *g, Node n, const Node *new_node)
{
    const GraphNode *node = graph_node(g, n);
    Concat c = *(const Concat *)node->config;
    Node srcs[GRAPH_MAX_SRCS];
    for (int s = 0; s < node->src_count; s++) {
        srcs[s] = new_node[node->srcs[s]];
        c.relu_masks |= (unsigned)mask_can_move(g, node->srcs[s]) << s;
    }
    return concat_masked(out, node->name, srcs, node->src_count, c);
}

static Node copy_pool(Graph *out, const Graph *g, Node n, const Node *new_node)
{
    const GraphNode *node = graph_node(g, n);
    Pool p = *(const Pool *)node->config;
    p.relu_mask |= mask_can_move(g, node->srcs[0]);
    return max_pool(out, new_node[node->srcs[0]], node->name, p);
}

static Node mask_in_reader(Graph *out, const Graph *g, Node n, Node *new_node)
{
    const LayerType *type = graph_node(g, n)->type;
    if (type == &SLICE)
        return copy_slice(out, g, n, new_node);
    if (type == &CONV)
        return copy_conv(out, g, n, new_node);
    if (type == &CONCAT)
        return copy_concat(out, g, n, new_node);
    if (type == &MAX_POOL)
        return copy_pool(out, g, n, new_node);
    return rewrite_copy_node(out, g, n, new_node);
}

Graph *rewrite_mask_in_reader(const Graph *g)
{
    return rewrite_nodes(g, mask_in_reader);
}

/* Its gradients come from several readers, and not each a part of one tensor. */
static bool needs_fork(const Graph *g, Node n)
{
    int whole = 0;
    for (Node i = n + 1; i < graph_node_count(g); i++) {
        const GraphNode *node = graph_node(g, i);
        for (int s = 0; s < node->src_count; s++)
            whole += node->srcs[s] == n && node->spec.part_channels == 0;
    }
    return whole > 0 && graph_reader_count(g, n) > 1;
}

static Node insert_fork(Graph *out, const Graph *g, Node n, Node *new_node)
{
    const Node copy = rewrite_copy_node(out, g, n, new_node);
    if (!needs_fork(g, n))
        return copy;
    char name[GRAPH_MAX_NAME];
    snprintf(name, sizeof name, "%s.fork", graph_node(g, n)->name);
    return fork_value(out, copy, name, (Fork){0});
}

Graph *rewrite_insert_forks(const Graph *g)
{
    return rewrite_nodes(g, insert_fork);
}

/* Whether n is a concat that masks all it gives, and its reader can do that instead. */
static bool masks_can_pass(const Graph *g, Node n)
{
    const GraphNode *node = graph_node(g, n);
    if (node->type != &CONCAT || graph_reader_count(g, n) != 1)
        return false;
    const Concat *c = node->config;
    const LayerType *reader = graph_node(g, graph_last_reader(g, n))->type;
    return c->relu_masks == (1u << node->src_count) - 1 && (reader == &FORK || reader == &MAX_POOL);
}

static Node copy_without_masks(Graph *out, const Graph *g, Node n, const Node *new_node)
{
    const GraphNode *node = graph_node(g, n);
    Node srcs[GRAPH_MAX_SRCS];
    for (int s = 0; s < node->src_count; s++)
        srcs[s] = new_node[node->srcs[s]];
    return concat(out, node->name, srcs, node->src_count);
}

static Node mask_past_concat(Graph *out, const Graph *g, Node n, Node *new_node)
{
    if (masks_can_pass(g, n))
        return copy_without_masks(out, g, n, new_node);
    const GraphNode *node = graph_node(g, n);
    const Node src = node->srcs[0];
    if (masks_can_pass(g, src) && node->type == &FORK)
        return fork_value(out, new_node[src], node->name, (Fork){.relu_mask = true});
    if (masks_can_pass(g, src) && node->type == &MAX_POOL) {
        Pool p = *(const Pool *)node->config;
        p.relu_mask = true;
        return max_pool(out, new_node[src], node->name, p);
    }
    return rewrite_copy_node(out, g, n, new_node);
}

Graph *rewrite_mask_past_concat(const Graph *g)
{
    return rewrite_nodes(g, mask_past_concat);
}

static const struct {
    const char *name;
    Graph *(*rewrite)(const Graph *g);  // NULL: the graph stays as it is
    unsigned flag;                      // that leaves it out; 0 if nothing does
} ALL[] = {
    {"fold_batch_norm", NULL, REWRITE_NO_FOLD_BATCH_NORM},
    {"fold_relu", rewrite_fold_relu, REWRITE_NO_FOLD_RELU},
    {"merge_siblings", rewrite_merge_siblings, REWRITE_NO_MERGE_SIBLINGS},
    {"mask_in_reader", rewrite_mask_in_reader, REWRITE_NO_MASK_IN_READER},
    {"insert_forks", rewrite_insert_forks, 0},
    {"mask_past_concat", rewrite_mask_past_concat, REWRITE_NO_MASK_PAST_CONCAT},
    {"reuse_memory", NULL, REWRITE_NO_REUSE_MEMORY},
    {"views", NULL, REWRITE_NO_VIEWS},
};

unsigned rewrite_flag(const char *name)
{
    for (size_t i = 0; i < COUNT(ALL); i++) {
        if (strcmp(name, ALL[i].name) == 0)
            return ALL[i].flag;
    }
    return 0;
}

Graph *rewrite_all(const Graph *g, unsigned without)
{
    Graph *out = NULL;
    for (size_t i = 0; i < COUNT(ALL); i++) {
        if (without & ALL[i].flag || !ALL[i].rewrite)
            continue;
        Graph *next = ALL[i].rewrite(out ? out : g);
        graph_free(out);
        out = next;
    }
    return out;
}
