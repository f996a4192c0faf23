/* core/graph/graph.h -- a network as a pure description: nodes, shapes, parameters, costs.
 *
 * A graph has no batch size, no memory and no oneDNN objects; any thread may build one in
 * microseconds, to check a request or to print a summary. core/net binds it to a batch and runs it.
 *
 *     Graph *g = graph_new((Shape){1, 96, 96});
 *     Node x = conv(g, graph_input(g), "0.0", (Conv){.out = 64, .kernel = 7});
 *     x = relu(g, x, "0.1");
 *     if (!graph_check(g, &err)) ...
 *
 * The first builder call that fails makes the graph failed: later calls do nothing and return
 * NODE_NONE, and graph_check reports the fault. Models therefore contain no `if`.
 *
 * Names are paths: graph_enter("2.0") puts "2.0." before the names that follow. The parameters of
 * node "2.0.p1_1" are "2.0.p1_1.weight" and "2.0.p1_1.bias", as PyTorch's state_dict() has them.
 */
#pragma once
#include "core/graph/layer_type.h"

typedef struct Graph Graph;
typedef int Node;  // index of the node, in creation order
#define NODE_NONE (-1)

enum {
    GRAPH_MAX_SRCS = 8,                  // sources of one node
    GRAPH_MAX_READERS = GRAPH_MAX_SRCS,  // of one node; those that take parts count as one
    GRAPH_MAX_DEPTH = 8,                 // graph_enter inside graph_enter
    GRAPH_MAX_NAME = 64,                 // bytes of a full name, with the final NUL
};

/* A node. Its pointers are valid as long as the graph. */
typedef struct {
    const char *name;
    const LayerType *type;  // NULL for the input
    const void *config;
    Node srcs[GRAPH_MAX_SRCS];
    int src_count;
    LayerSpec spec;  // spec.dst is the node's shape
} GraphNode;

/* `input` is the shape of one image; ERR_INVALID, reported by graph_check, if a side is below 1. */
Graph *graph_new(Shape input);
void graph_free(Graph *g);  // takes NULL

/* Put "<name>." before the names of the nodes that follow, until graph_leave. */
void graph_enter(Graph *g, const char *name);
void graph_leave(Graph *g);

/* Append a node; the builders in core/layers call this. The config is copied. Errors, sticky:
 * whatever `describe` refuses, a name taken twice or too long, a source that is not a node, no
 * sources or too many. */
Node graph_add(Graph *g, const char *name, const LayerType *type, const void *config,
               const Node *srcs, int src_count);

/* Make the graph failed, for a builder whose own parameters are wrong. Returns NODE_NONE. */
Node graph_fail(Graph *g, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* To be called when the graph is complete. False, with the first fault, if building failed or the
 * graph cannot be run: a node but the last is read by nobody, a node has too many readers, or the
 * parts of a node that its readers take (LayerSpec) leave gaps or overlap. */
bool graph_check(const Graph *g, Error *err);

Node graph_input(const Graph *g);
Node graph_output(const Graph *g);  // the last node
int graph_node_count(const Graph *g);
const GraphNode *graph_node(const Graph *g, Node n);
Node graph_find(const Graph *g, const char *name);  // NODE_NONE if there is none
Shape graph_shape(const Graph *g, Node n);
int graph_reader_count(const Graph *g, Node n);  // sources, of all nodes, that are n
Node graph_last_reader(const Graph *g, Node n);  // NODE_NONE if nobody reads it
/* Whether two nodes of the same type read the same sources, and their parameters differ in nothing
 * but the first dimension: stacked, they are the parameters of one wider node. Nodes that work
 * channel by channel may read siblings instead: one wider node reads the wider one of those. */
bool graph_siblings(const Graph *g, Node a, Node b);
/* Those that are trained: of a node, of all nodes, of the nodes of a type. */
int64_t graph_node_parameters(const GraphNode *node);
int64_t graph_parameter_count(const Graph *g);
int64_t graph_type_parameters(const Graph *g, const LayerType *type);
int64_t graph_multiply_adds(const Graph *g);  // forward, one example
bool graph_couples_examples(const Graph *g);  // one of its nodes does
/* Whether the parameters of both have the same names and shapes, in the same order. */
bool graph_same_parameters(const Graph *a, const Graph *b);
