#include "core/net/rewrites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/layers/concat.h"
#include "core/layers/conv.h"
#include "core/layers/fork.h"
#include "core/layers/relu.h"

int graph_readers(const Graph *g, Node n)
{
    int readers = 0;
    for (Node i = 0; i < graph_node_count(g); i++) {
        const GraphNode *node = graph_node(g, i);
        for (int s = 0; s < node->src_count; s++)
            readers += node->srcs[s] == n;
    }
    return readers;
}

/* Append a copy of g's node n to `out`; new_node says where g's nodes have gone. */
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
    return src->type == &CONV && graph_readers(g, node->srcs[0]) == 1;
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
        if (gets_relu[n]) {
            Conv c = *(const Conv *)node->config;
            c.relu = true;
            new_node[n] = conv(out, new_node[node->srcs[0]], node->name, c);
        } else if (is_foldable_relu(g, n)) {
            new_node[n] = new_node[node->srcs[0]];
        } else {
            new_node[n] = copy_node(out, g, n, new_node);
        }
    }
    free(gets_relu);
    free(new_node);
    return out;
}

/* The only reader of n, where it is a concat; else NODE_NONE. */
static Node only_concat(const Graph *g, Node n)
{
    if (graph_readers(g, n) != 1)
        return NODE_NONE;
    for (Node i = n + 1; i < graph_node_count(g); i++) {
        const GraphNode *node = graph_node(g, i);
        for (int s = 0; s < node->src_count; s++) {
            if (node->srcs[s] == n)
                return node->type == &CONCAT ? i : NODE_NONE;
        }
    }
    return NODE_NONE;
}

static bool leaves_its_mask(const Graph *g, Node n)
{
    const GraphNode *node = graph_node(g, n);
    return node->type == &CONV && ((const Conv *)node->config)->relu
           && only_concat(g, n) != NODE_NONE;
}

Graph *rewrite_mask_in_concat(const Graph *g)
{
    const int count = graph_node_count(g);
    Node *new_node = xcalloc((size_t)count, sizeof *new_node);
    Graph *out = graph_new(graph_shape(g, 0));
    for (Node n = 1; n < count; n++) {
        const GraphNode *node = graph_node(g, n);
        if (leaves_its_mask(g, n)) {
            Conv c = *(const Conv *)node->config;
            c.masked = true;
            new_node[n] = conv(out, new_node[node->srcs[0]], node->name, c);
        } else if (node->type == &CONCAT) {
            Concat c = *(const Concat *)node->config;
            Node srcs[GRAPH_MAX_SRCS];
            for (int s = 0; s < node->src_count; s++) {
                srcs[s] = new_node[node->srcs[s]];
                c.masked |= (unsigned)leaves_its_mask(g, node->srcs[s]) << s;
            }
            new_node[n] = concat_masked(out, node->name, srcs, node->src_count, c);
        } else {
            new_node[n] = copy_node(out, g, n, new_node);
        }
    }
    free(new_node);
    return out;
}

Graph *rewrite_insert_forks(const Graph *g)
{
    const int count = graph_node_count(g);
    Node *new_node = xcalloc((size_t)count, sizeof *new_node);
    Graph *out = graph_new(graph_shape(g, 0));
    for (Node n = 0; n < count; n++) {
        if (n > 0)
            new_node[n] = copy_node(out, g, n, new_node);
        if (graph_readers(g, n) > 1) {
            char name[GRAPH_MAX_NAME];
            snprintf(name, sizeof name, "%s.fork", graph_node(g, n)->name);
            new_node[n] = fork_value(out, new_node[n], name);
        }
    }
    free(new_node);
    return out;
}

typedef Graph *Rewrite(const Graph *g);

Graph *rewrite_all(const Graph *g, unsigned without)
{
    static const struct {
        Rewrite *rewrite;
        unsigned flag;
    } ALL[] = {
        {rewrite_fold_relu, REWRITE_NO_FOLD_RELU},
        {rewrite_mask_in_concat, REWRITE_NO_MASK_IN_CONCAT},
        {rewrite_insert_forks, 0},
    };
    Graph *out = NULL;
    for (size_t i = 0; i < COUNT(ALL); i++) {
        if (without & ALL[i].flag)
            continue;
        Graph *next = ALL[i].rewrite(out ? out : g);
        graph_free(out);
        out = next;
    }
    return out;
}
