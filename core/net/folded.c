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

/* By node: the batch_norm that goes into a conv, NODE_NONE for others. */
static Node *find_norms(const Graph *g)
{
    const int count = graph_node_count(g);
    Node *norms = xcalloc((size_t)count, sizeof *norms);
    for (Node n = 0; n < count; n++) {
        norms[n] = NODE_NONE;
        if (folds_into(g, n) != NODE_NONE)
            norms[folds_into(g, n)] = n;
    }
    return norms;
}

Graph *rewrite_fold_batch_norm(const Graph *g)
{
    const int count = graph_node_count(g);
    Node *new_node = xcalloc((size_t)count, sizeof *new_node);
    Node *norms = find_norms(g);
    Graph *out = graph_new(graph_shape(g, 0));
    for (Node n = 1; n < count; n++) {
        const GraphNode *node = graph_node(g, n);
        if (folds_into(g, n) != NODE_NONE) {
            new_node[n] = new_node[folds_into(g, n)];
        } else if (norms[n] != NODE_NONE) {
            Conv c = *(const Conv *)node->config;
            c.no_bias = false;
            c.relu = ((const BatchNorm *)graph_node(g, norms[n])->config)->relu;
            new_node[n] = conv(out, new_node[node->srcs[0]], node->name, c);
        } else {
            new_node[n] = rewrite_copy_node(out, g, n, new_node);
        }
    }
    free(norms);
    free(new_node);
    return out;
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
    Node *norms = find_norms(g);
    for (Node n = 1; n < graph_node_count(g); n++) {
        const GraphNode *node = graph_node(g, n);
        if (norms[n] != NODE_NONE) {
            f->folds = xrealloc(f->folds, (size_t)f->fold_count + 1, sizeof *f->folds);
            f->folds[f->fold_count++] = fold_of(node, graph_node(g, norms[n]), from, f->params);
        } else if (folds_into(g, n) == NODE_NONE) {
            add_copies(f, node, from);
        }
    }
    free(norms);
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
