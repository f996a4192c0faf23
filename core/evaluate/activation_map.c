#include "core/evaluate/activation_map.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/layers/conv/conv.h"
#include "core/layers/dropout.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/net/rewrites.h"

struct ActivationMap {
    Graph *graph;
    ParamStore *params;
    Net *net;
};

/* The features that are pooled; NODE_NONE: the network ends otherwise. Dropout changes nothing in
 * evaluation. */
static Node find_features(const Graph *g)
{
    const GraphNode *node = graph_node(g, graph_output(g));
    if (node->type != &LINEAR)
        return NODE_NONE;
    do
        node = graph_node(g, node->srcs[0]);
    while (node->type == &DROPOUT);
    return node->type == &GLOBAL_AVG_POOL ? node->srcs[0] : NODE_NONE;
}

/* The network up to the features, then the linear layer at each place. */
static Graph *maps_of(const Graph *g, Node features)
{
    const GraphNode *last = graph_node(g, graph_output(g));
    Node *new_node = xcalloc((size_t)graph_node_count(g), sizeof *new_node);
    Graph *out = graph_new(graph_shape(g, graph_input(g)));
    for (Node n = 1; n <= features; n++)
        new_node[n] = rewrite_copy_node(out, g, n, new_node);
    conv(out, new_node[features], last->name,
         (Conv){.out = ((const Linear *)last->config)->out, .kernel = 1, .no_bias = true});
    free(new_node);
    return out;
}

static void copy_values(ParamStore *to, const ParamStore *from)
{
    for (int i = 0; i < to->param_count; i++) {
        const Param *p = &to->params[i], *source = params_find(from, p->name);
        if (p->role != ROLE_COUNTER)
            memcpy(to->values + p->offset, from->values + source->offset,
                   p->count * sizeof *to->values);
    }
}

bool activation_map_new(const Graph *g, const ParamStore *params, NetConfig config,
                        ActivationMap **map, Error *err)
{
    const Node features = find_features(g);
    if (features == NODE_NONE)
        return fail_as(err, ERR_INVALID, "not_explainable",
                       "a class activation map is of networks that end in a global average "
                       "pooling and a linear layer, and this one does not");
    ActivationMap *m = xcalloc(1, sizeof *m);
    m->graph = maps_of(g, features);
    bool ok = graph_check(m->graph, err) && params_new(m->graph, &m->params, err);
    if (ok) {
        copy_values(m->params, params);
        config.batch_size = 1;
        config.micro_batch = 1;
        config.kernels_of = 0;
        ok = net_new(m->graph, m->params, config, &m->net, err);
    }
    if (!ok) {
        activation_map_free(m);
        return false;
    }
    *map = m;
    return true;
}

void activation_map_free(ActivationMap *m)
{
    if (!m)
        return;
    net_free(m->net);
    params_free(m->params);
    graph_free(m->graph);
    free(m);
}

Shape activation_map_shape(const ActivationMap *m)
{
    return graph_shape(m->graph, graph_output(m->graph));
}

bool activation_map_run(ActivationMap *m, const float *image, float *maps, Error *err)
{
    return net_forward(m->net, image, 1, maps, err);
}
