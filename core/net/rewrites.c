#include "core/net/rewrites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/layers/add.h"
#include "core/layers/concat.h"
#include "core/layers/conv.h"
#include "core/layers/fork.h"
#include "core/layers/max_pool.h"
#include "core/layers/relu.h"
#include "core/layers/slice.h"

/* Append a copy of g's node n to `out`; new_node has the new node of each of g's. */
static Node copy_node(Graph *out, const Graph *g, Node n, const Node *new_node)
{
    const GraphNode *node = graph_node(g, n);
    Node srcs[GRAPH_MAX_SRCS];
    for (int s = 0; s < node->src_count; s++)
        srcs[s] = new_node[node->srcs[s]];
    return graph_add(out, node->name, node->type, node->config, srcs, node->src_count);
}

static bool is_foldable_relu(const Graph *g, Node n)
{
    const GraphNode *node = graph_node(g, n);
    if (node->type != &RELU)
        return false;
    const GraphNode *src = graph_node(g, node->srcs[0]);
    return (src->type == &CONV || src->type == &ADD) && graph_reader_count(g, node->srcs[0]) == 1;
}

/* A copy of node n, a conv or an add, with a ReLU. */
static Node copy_with_relu(Graph *out, const Graph *g, Node n, const Node *new_node)
{
    const GraphNode *node = graph_node(g, n);
    const Node *srcs = node->srcs;
    if (node->type == &ADD) {
        Add a = *(const Add *)node->config;
        a.relu = true;
        return add(out, new_node[srcs[0]], new_node[srcs[1]], node->name, a);
    }
    Conv c = *(const Conv *)node->config;
    c.relu = true;
    return conv(out, new_node[srcs[0]], node->name, c);
}

Graph *rewrite_fold_relu(const Graph *g)
{
    const int count = graph_node_count(g);
    Node *new_node = xcalloc((size_t)count, sizeof *new_node);
    bool *gets_relu = xcalloc((size_t)count, sizeof *gets_relu);
    for (Node n = 1; n < count; n++) {
        if (is_foldable_relu(g, n))
            gets_relu[graph_node(g, n)->srcs[0]] = true;
    }

    Graph *out = graph_new(graph_shape(g, 0));
    for (Node n = 1; n < count; n++) {
        const GraphNode *node = graph_node(g, n);
        if (gets_relu[n])
            new_node[n] = copy_with_relu(out, g, n, new_node);
        else if (is_foldable_relu(g, n))
            new_node[n] = new_node[node->srcs[0]];
        else
            new_node[n] = copy_node(out, g, n, new_node);
    }
    free(gets_relu);
    free(new_node);
    return out;
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

/* Replace n and its siblings by one convolution with a slice for each. */
static void merge(Graph *out, const Graph *g, Node n, Node *new_node)
{
    const GraphNode *node = graph_node(g, n);
    Conv c = *(const Conv *)node->config;
    c.mask_moved = c.relu;
    c.out = 0;
    for (Node i = n; i < graph_node_count(g); i++)
        c.out += graph_siblings(g, n, i) ? graph_shape(g, i).channels : 0;
    const Node merged = conv(out, new_node[node->srcs[0]], node->name, c);
    Slice s = {.relu_mask = c.relu};
    for (Node i = n; i < graph_node_count(g); i++) {
        if (!graph_siblings(g, n, i))
            continue;
        char name[GRAPH_MAX_NAME];
        snprintf(name, sizeof name, "%s.slice", graph_node(g, i)->name);
        s.channels = graph_shape(g, i).channels;
        new_node[i] = slice(out, merged, name, s);
        s.first += s.channels;
    }
}

Graph *rewrite_merge_siblings(const Graph *g)
{
    const int count = graph_node_count(g);
    Node *new_node = xcalloc((size_t)count, sizeof *new_node);
    Graph *out = graph_new(graph_shape(g, 0));
    for (Node n = 1; n < count; n++) {
        if (new_node[n] > 0)
            continue;  // came with its first sibling
        if (merged_count(g, n) > 1)
            merge(out, g, n, new_node);
        else
            new_node[n] = copy_node(out, g, n, new_node);
    }
    free(new_node);
    return out;
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
    return reader == &CONCAT || reader == &MAX_POOL;
}

/* A copy of node n that does not mask its gradients. */
static Node copy_without_mask(Graph *out, const Graph *g, Node n, const Node *new_node)
{
    const GraphNode *node = graph_node(g, n);
    const Node src = new_node[node->srcs[0]];
    if (node->type == &SLICE) {
        Slice s = *(const Slice *)node->config;
        s.relu_mask = false;
        return slice(out, src, node->name, s);
    }
    Conv c = *(const Conv *)node->config;
    c.mask_moved = true;
    return conv(out, src, node->name, c);
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

Graph *rewrite_mask_in_reader(const Graph *g)
{
    const int count = graph_node_count(g);
    Node *new_node = xcalloc((size_t)count, sizeof *new_node);
    Graph *out = graph_new(graph_shape(g, 0));
    for (Node n = 1; n < count; n++) {
        if (mask_can_move(g, n))
            new_node[n] = copy_without_mask(out, g, n, new_node);
        else if (graph_node(g, n)->type == &CONCAT)
            new_node[n] = copy_concat(out, g, n, new_node);
        else if (graph_node(g, n)->type == &MAX_POOL)
            new_node[n] = copy_pool(out, g, n, new_node);
        else
            new_node[n] = copy_node(out, g, n, new_node);
    }
    free(new_node);
    return out;
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

Graph *rewrite_insert_forks(const Graph *g)
{
    const int count = graph_node_count(g);
    Node *new_node = xcalloc((size_t)count, sizeof *new_node);
    Graph *out = graph_new(graph_shape(g, 0));
    for (Node n = 0; n < count; n++) {
        if (n > 0)
            new_node[n] = copy_node(out, g, n, new_node);
        if (needs_fork(g, n)) {
            char name[GRAPH_MAX_NAME];
            snprintf(name, sizeof name, "%s.fork", graph_node(g, n)->name);
            new_node[n] = fork_value(out, new_node[n], name);
        }
    }
    free(new_node);
    return out;
}

static const struct {
    const char *name;
    Graph *(*rewrite)(const Graph *g);  // NULL: the graph stays as it is
    unsigned flag;                      // that leaves it out; 0 if nothing does
} ALL[] = {
    {"fold_relu", rewrite_fold_relu, REWRITE_NO_FOLD_RELU},
    {"merge_siblings", rewrite_merge_siblings, REWRITE_NO_MERGE_SIBLINGS},
    {"mask_in_reader", rewrite_mask_in_reader, REWRITE_NO_MASK_IN_READER},
    {"insert_forks", rewrite_insert_forks, 0},
    {"reuse_memory", NULL, REWRITE_NO_REUSE_MEMORY},
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
