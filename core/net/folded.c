#include "core/net/folded.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/layers/batch_norm.h"
#include "core/layers/conv/conv.h"
#include "core/net/rewrites.h"

/* The conv that batch_norm n can be folded into, else NODE_NONE. */
static Node folds_into(const Graph *g, Node n)
{
    const GraphNode *node = graph_node(g, n);
    if (node->type != &BATCH_NORM)
        return NODE_NONE;
    const GraphNode *src = graph_node(g, node->srcs[0]);
    const bool folds = src->type == &CONV && !((const Conv *)src->config)->relu
                       && graph_reader_count(g, node->srcs[0]) == 1;
    return folds ? node->srcs[0] : NODE_NONE;
}

/* The batch_norm that can be folded into conv n, else NODE_NONE. */
static Node norm_of(const Graph *g, Node n)
{
    const Node reader = graph_last_reader(g, n);
    return reader != NODE_NONE && folds_into(g, reader) == n ? reader : NODE_NONE;
}

static Node fold_batch_norm(Graph *out, const Graph *g, Node n, Node *new_node)
{
    if (folds_into(g, n) != NODE_NONE)
        return new_node[folds_into(g, n)];
    const Node norm = norm_of(g, n);
    if (norm == NODE_NONE)
        return rewrite_copy_node(out, g, n, new_node);
    const GraphNode *node = graph_node(g, n);
    Conv c = *(const Conv *)node->config;
    c.no_bias = false;
    c.relu = ((const BatchNorm *)graph_node(g, norm)->config)->relu;
    return conv(out, new_node[node->srcs[0]], node->name, c);
}

Graph *rewrite_fold_batch_norm(const Graph *g)
{
    return rewrite_nodes(g, fold_batch_norm);
}

/* A batch_norm and a conv become a conv: where their numbers are, in the two stores. */
typedef struct {
    const float *weight, *bias;  // bias: NULL if there is none
    const float *scale, *shift, *mean, *variance;
    double eps;
    float *new_weight, *new_bias;
    size_t outputs, inputs;  // `inputs` weights of each output
} Fold;

/* A parameter that stays as it is. */
typedef struct {
    const float *from;
    float *to;
    size_t count;
} Copy;

struct Folded {
    Graph *graph;
    ParamStore *params;
    Fold *folds;
    Copy *copies;
    int fold_count, copy_count;
    int64_t version;  // of the parameters that they were computed from; 0: none yet
};

static const Param *param_of(const ParamStore *store, const GraphNode *node, const char *param)
{
    char *name = xasprintf("%s.%s", node->name, param);
    const Param *p = params_find(store, name);
    free(name);
    return p;
}

static float *values_of(const ParamStore *store, const GraphNode *node, const char *param)
{
    const Param *p = param_of(store, node, param);
    return p ? store->values + p->offset : NULL;
}

static Fold fold_of(const GraphNode *conv, const GraphNode *norm, const ParamStore *from,
                    const ParamStore *to)
{
    return (Fold){.weight = values_of(from, conv, "weight"),
                  .bias = values_of(from, conv, "bias"),
                  .scale = values_of(from, norm, "weight"),
                  .shift = values_of(from, norm, "bias"),
                  .mean = values_of(from, norm, "running_mean"),
                  .variance = values_of(from, norm, "running_var"),
                  .eps = ((const BatchNorm *)norm->config)->eps,
                  .new_weight = values_of(to, conv, "weight"),
                  .new_bias = values_of(to, conv, "bias"),
                  .outputs = (size_t)conv->spec.dst.channels,
                  .inputs = (size_t)conv->spec.params[0].fan_in};
}

static void add_copies(Folded *f, const GraphNode *node, const ParamStore *from)
{
    for (int i = 0; i < node->spec.param_count; i++) {
        const Param *p = param_of(from, node, node->spec.params[i].name);
        if (p->role == ROLE_COUNTER)
            continue;  // evaluation does not read it
        f->copies = xrealloc(f->copies, (size_t)f->copy_count + 1, sizeof *f->copies);
        f->copies[f->copy_count++] =
            (Copy){.from = from->values + p->offset,
                   .to = values_of(f->params, node, node->spec.params[i].name),
                   .count = p->count};
    }
}

static void list_params(Folded *f, const Graph *g, const ParamStore *from)
{
    for (Node n = 1; n < graph_node_count(g); n++) {
        const GraphNode *node = graph_node(g, n);
        const Node norm = norm_of(g, n);
        if (norm != NODE_NONE) {
            f->folds = xrealloc(f->folds, (size_t)f->fold_count + 1, sizeof *f->folds);
            f->folds[f->fold_count++] = fold_of(node, graph_node(g, norm), from, f->params);
        } else if (folds_into(g, n) == NODE_NONE) {
            add_copies(f, node, from);
        }
    }
}

bool folded_new(const Graph *g, const ParamStore *params, Folded **result, Error *err)
{
    *result = NULL;
    Graph *folded = rewrite_fold_batch_norm(g);
    if (graph_node_count(folded) == graph_node_count(g)) {
        graph_free(folded);
        return true;
    }
    Folded *f = xcalloc(1, sizeof *f);
    f->graph = folded;
    if (!params_new(folded, &f->params, err)) {
        folded_free(f);
        return false;
    }
    list_params(f, g, params);
    *result = f;
    return true;
}

void folded_free(Folded *f)
{
    if (!f)
        return;
    params_free(f->params);
    graph_free(f->graph);
    free(f->folds);
    free(f->copies);
    free(f);
}

const Graph *folded_graph(const Folded *f)
{
    return f->graph;
}

ParamStore *folded_params(const Folded *f)
{
    return f->params;
}

static void fold(const Fold *f)
{
    for (size_t o = 0; o < f->outputs; o++) {
        const double s = (double)f->scale[o] / sqrt((double)f->variance[o] + f->eps);
        for (size_t i = o * f->inputs; i < (o + 1) * f->inputs; i++)
            f->new_weight[i] = (float)(s * (double)f->weight[i]);
        const double bias = f->bias ? (double)f->bias[o] : 0;
        f->new_bias[o] = (float)(s * (bias - (double)f->mean[o]) + (double)f->shift[o]);
    }
}

void folded_update(Folded *f, int64_t version)
{
    if (f->version == version)
        return;
    f->version = version;
    for (int i = 0; i < f->fold_count; i++)
        fold(&f->folds[i]);
    for (int i = 0; i < f->copy_count; i++)
        memcpy(f->copies[i].to, f->copies[i].from, f->copies[i].count * sizeof(float));
}
