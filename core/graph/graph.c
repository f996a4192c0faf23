#include "core/graph/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/invariant.h"
#include "core/base/memory.h"

struct Graph {
    GraphNode *nodes;
    int count;
    char prefix[GRAPH_MAX_NAME];    // "2.0." inside graph_enter("2.0")
    size_t outer[GRAPH_MAX_DEPTH];  // lengths of the prefixes around it
    int depth;
    Error error;  // code is ERR_NONE while all is well
};

Graph *graph_new(Shape input)
{
    Graph *g = xcalloc(1, sizeof *g);
    g->nodes = xcalloc(1, sizeof *g->nodes);
    g->nodes[0] = (GraphNode){.name = xstrdup("input"), .spec = {.dst = input}};
    g->count = 1;
    if (input.channels < 1 || input.height < 1 || input.width < 1)
        fail(&g->error, ERR_INVALID, "an image of %d x %d x %d has no pixels", input.channels,
             input.height, input.width);
    return g;
}

void graph_free(Graph *g)
{
    if (!g)
        return;
    for (int i = 0; i < g->count; i++) {
        free((void *)g->nodes[i].name);
        free((void *)g->nodes[i].config);
    }
    free(g->nodes);
    free(g);
}

static bool failed(const Graph *g)
{
    return g->error.code != ERR_NONE;
}

void graph_enter(Graph *g, const char *name)
{
    if (failed(g))
        return;
    if (g->depth == GRAPH_MAX_DEPTH) {
        fail(&g->error, ERR_INVALID, "node names are more than %d levels deep at %s%s",
             GRAPH_MAX_DEPTH, g->prefix, name);
        return;
    }
    const size_t used = strlen(g->prefix);
    const int len = snprintf(g->prefix + used, sizeof g->prefix - used, "%s.", name);
    if (len < 0 || (size_t)len >= sizeof g->prefix - used)
        fail(&g->error, ERR_INVALID, "the path of node names is too long at %s", name);
    g->outer[g->depth++] = used;
}

void graph_leave(Graph *g)
{
    if (failed(g))
        return;
    if (g->depth == 0) {
        fail(&g->error, ERR_INVALID, "graph_leave without graph_enter");
        return;
    }
    g->prefix[g->outer[--g->depth]] = '\0';
}

/* The name that a node called `name` gets here; NULL, the graph failed, if it cannot have it. */
static char *full_name(Graph *g, const char *name)
{
    char *full = xasprintf("%s%s", g->prefix, name);
    if (strlen(full) >= GRAPH_MAX_NAME)
        fail(&g->error, ERR_INVALID, "node name %s is longer than %d letters", full,
             GRAPH_MAX_NAME - 1);
    else if (graph_find(g, full) != NODE_NONE)
        fail(&g->error, ERR_INVALID, "two nodes are named %s", full);
    else
        return full;
    free(full);
    return NULL;
}

Node graph_add(Graph *g, const char *name, const LayerType *type, const void *config,
               const Node *srcs, int src_count)
{
    if (failed(g))
        return NODE_NONE;
    char *full = full_name(g, name);
    if (!full)
        return NODE_NONE;

    GraphNode node = {.name = full, .type = type, .src_count = src_count};
    Shape shapes[GRAPH_MAX_SRCS];
    if (src_count < 1 || src_count > GRAPH_MAX_SRCS) {
        fail(&g->error, ERR_INVALID, "%s: reads %d nodes, 1 to %d are possible", full, src_count,
             GRAPH_MAX_SRCS);
        goto failed;
    }
    for (int i = 0; i < src_count; i++) {
        if (srcs[i] < 0 || srcs[i] >= g->count) {
            fail(&g->error, ERR_INVALID, "%s: source %d is not a node", full, i);
            goto failed;
        }
        node.srcs[i] = srcs[i];
        shapes[i] = g->nodes[srcs[i]].spec.dst;
    }
    if (!type->describe(config, shapes, src_count, &node.spec, &g->error)) {
        fail_in(&g->error, "%s", full);
        goto failed;
    }
    void *copy = xcalloc(1, type->config_bytes);
    if (type->config_bytes)
        memcpy(copy, config, type->config_bytes);
    node.config = copy;
    g->nodes = xrealloc(g->nodes, (size_t)g->count + 1, sizeof *g->nodes);
    g->nodes[g->count] = node;
    return g->count++;
failed:
    free(full);
    return NODE_NONE;
}

Node graph_fail(Graph *g, const char *name, const char *fmt, ...)
{
    if (failed(g))
        return NODE_NONE;
    char text[sizeof g->error.message / 2];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fail(&g->error, ERR_INVALID, "%s%s: %s", g->prefix, name, text);
    return NODE_NONE;
}

/* How its readers read a node. */
typedef struct {
    int whole;          // sources, of all nodes, that are it
    int parts;          // ... of which a node takes a part
    int part_channels;  // of all parts
} Readers;

static Readers count_readers(const Graph *g, Node n)
{
    Readers r = {0};
    for (Node i = n + 1; i < g->count; i++) {
        const LayerSpec *spec = &g->nodes[i].spec;
        for (int s = 0; s < g->nodes[i].src_count; s++) {
            if (g->nodes[i].srcs[s] != n)
                continue;
            r.whole += spec->part_channels == 0;
            r.parts += spec->part_channels > 0;
            r.part_channels += spec->part_channels;
        }
    }
    return r;
}

/* The first channel from `from` on that is not in a part that begins at or before it. */
static int covered_until(const Graph *g, Node n, int from)
{
    for (Node i = n + 1; i < g->count; i++) {
        const LayerSpec *spec = &g->nodes[i].spec;
        if (spec->part_channels > 0 && g->nodes[i].srcs[0] == n && spec->part_first == from)
            return covered_until(g, n, from + spec->part_channels);
    }
    return from;
}

static bool check_readers(const Graph *g, Node n, Error *err)
{
    const GraphNode *node = &g->nodes[n];
    const int channels = node->spec.dst.channels;
    const Readers r = count_readers(g, n);
    const int readers = r.whole + (r.parts > 0);
    if (readers == 0 && n < g->count - 1)
        return fail(err, ERR_INVALID, "%s is read by no node, and is not the last one", node->name);
    if (readers > GRAPH_MAX_READERS)
        return fail(err, ERR_INVALID, "%s is read by %d nodes, at most %d are possible", node->name,
                    readers, GRAPH_MAX_READERS);
    if (r.parts == 0)
        return true;
    const int until = covered_until(g, n, 0);
    if (until < channels)
        return fail(err, ERR_INVALID, "%s: no slice begins at channel %d of %d, where one must",
                    node->name, until, channels);
    return r.part_channels == channels
           || fail(err, ERR_INVALID, "%s: slices of %d channels overlap in its %d", node->name,
                   r.part_channels, channels);
}

bool graph_check(const Graph *g, Error *err)
{
    if (failed(g))
        return fail(err, g->error.code, "%s", g->error.message);
    for (Node n = 0; n < g->count; n++)
        if (!check_readers(g, n, err))
            return false;
    return true;
}

Node graph_input(const Graph *g)
{
    return failed(g) ? NODE_NONE : 0;
}

Node graph_output(const Graph *g)
{
    return failed(g) ? NODE_NONE : g->count - 1;
}

int graph_node_count(const Graph *g)
{
    return g->count;
}

const GraphNode *graph_node(const Graph *g, Node n)
{
    INVARIANT(n >= 0 && n < g->count);
    return &g->nodes[n];
}

Node graph_find(const Graph *g, const char *name)
{
    for (int i = 0; i < g->count; i++) {
        if (strcmp(g->nodes[i].name, name) == 0)
            return i;
    }
    return NODE_NONE;
}

Shape graph_shape(const Graph *g, Node n)
{
    return graph_node(g, n)->spec.dst;
}

int graph_reader_count(const Graph *g, Node n)
{
    int readers = 0;
    for (Node i = n + 1; i < g->count; i++) {
        for (int s = 0; s < g->nodes[i].src_count; s++)
            readers += g->nodes[i].srcs[s] == n;
    }
    return readers;
}

Node graph_last_reader(const Graph *g, Node n)
{
    for (Node i = g->count - 1; i > n; i--) {
        for (int s = 0; s < g->nodes[i].src_count; s++) {
            if (g->nodes[i].srcs[s] == n)
                return i;
        }
    }
    return NODE_NONE;
}

/* Equal but for the first dimension, which is what fan_out follows from. */
static bool stackable(const ParamSpec *a, const ParamSpec *b)
{
    bool equal = strcmp(a->name, b->name) == 0 && a->dim_count == b->dim_count;
    for (int d = 1; equal && d < a->dim_count; d++)
        equal = a->dims[d] == b->dims[d];
    return equal;
}

bool graph_siblings(const Graph *g, Node a, Node b)
{
    const GraphNode *x = graph_node(g, a), *y = graph_node(g, b);
    bool equal = x->type == y->type && x->src_count == y->src_count
                 && x->spec.param_count == y->spec.param_count;
    for (int s = 0; equal && s < x->src_count; s++)
        equal = x->srcs[s] == y->srcs[s]
                || (x->spec.by_channel && y->spec.by_channel
                    && graph_siblings(g, x->srcs[s], y->srcs[s]));
    for (int p = 0; equal && p < x->spec.param_count; p++)
        equal = stackable(&x->spec.params[p], &y->spec.params[p]);
    return equal;
}

int64_t graph_node_parameters(const GraphNode *node)
{
    int64_t count = 0;
    for (int p = 0; p < node->spec.param_count; p++) {
        int64_t numbers = role_is_trained(node->spec.params[p].role);
        for (int d = 0; d < node->spec.params[p].dim_count; d++)
            numbers *= node->spec.params[p].dims[d];
        count += numbers;
    }
    return count;
}

int64_t graph_parameter_count(const Graph *g)
{
    int64_t count = 0;
    for (int i = 0; i < g->count; i++)
        count += graph_node_parameters(&g->nodes[i]);
    return count;
}

int64_t graph_type_parameters(const Graph *g, const LayerType *type)
{
    int64_t count = 0;
    for (int i = 0; i < g->count; i++)
        count += g->nodes[i].type == type ? graph_node_parameters(&g->nodes[i]) : 0;
    return count;
}

int64_t graph_multiply_adds(const Graph *g)
{
    int64_t count = 0;
    for (int i = 0; i < g->count; i++)
        count += g->nodes[i].spec.multiply_adds;
    return count;
}

static bool same_params(const GraphNode *a, const GraphNode *b)
{
    if (strcmp(a->name, b->name) != 0 || a->spec.param_count != b->spec.param_count)
        return false;
    for (int i = 0; i < a->spec.param_count; i++) {
        const ParamSpec *p = &a->spec.params[i], *q = &b->spec.params[i];
        if (strcmp(p->name, q->name) != 0 || p->dim_count != q->dim_count
            || memcmp(p->dims, q->dims, (size_t)p->dim_count * sizeof *p->dims) != 0)
            return false;
    }
    return true;
}

bool graph_same_parameters(const Graph *a, const Graph *b)
{
    bool same = a->count == b->count;
    for (int i = 0; same && i < a->count; i++)
        same = same_params(&a->nodes[i], &b->nodes[i]);
    return same;
}

bool graph_couples_examples(const Graph *g)
{
    for (int i = 0; i < g->count; i++) {
        if (g->nodes[i].spec.couples_examples)
            return true;
    }
    return false;
}
