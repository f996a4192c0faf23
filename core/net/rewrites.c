#include "core/net/rewrites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
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
