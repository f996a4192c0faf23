#include "core/train/head.h"

#include <stdio.h>
#include <string.h>

#include "core/base/invariant.h"

/* The network for another number of classes. */
static Graph *other_graph(const Model *model, const Graph *g, const BlockList *blocks)
{
    const int classes = graph_shape(g, graph_output(g)).channels;
    const ModelOptions options = {
        .classes = classes < MODEL_MAX_CLASSES ? classes + 1 : classes - 1, .blocks = blocks};
    return model_graph_with(model, graph_shape(g, graph_input(g)), options, NULL);
}

static bool same_params(const GraphNode *a, const GraphNode *b)
{
    bool same = a->spec.param_count == b->spec.param_count;
    for (int i = 0; same && i < a->spec.param_count; i++)
        same = memcmp(a->spec.params[i].dims, b->spec.params[i].dims, sizeof a->spec.params[i].dims)
               == 0;
    return same;
}

static void find_offsets(const ParamStore *params, Head *h)
{
    h->weights = params->weight_count;
    h->others = params->trained_count;
    h->statistics = params->count;
    for (int i = h->first_param; i < params->param_count; i++) {
        const Param *p = &params->params[i];
        size_t *first = p->role == ROLE_WEIGHT     ? &h->weights
                        : role_is_trained(p->role) ? &h->others
                                                   : &h->statistics;
        if (p->role != ROLE_COUNTER && p->offset < *first)
            *first = p->offset;
    }
}

Node head_node(const Model *model, const Graph *g, const BlockList *blocks)
{
    Graph *other = other_graph(model, g, blocks);
    INVARIANT(other && graph_node_count(other) == graph_node_count(g));
    Node n = 1;
    while (n < graph_output(g) && same_params(graph_node(g, n), graph_node(other, n)))
        n++;
    graph_free(other);
    return n;
}

Head head_find(const Model *model, const Graph *g, const BlockList *blocks,
               const ParamStore *params)
{
    Head h = {0};
    const Node n = head_node(model, g, blocks);
    for (Node before = 1; before < n; before++)
        h.first_param += graph_node(g, before)->spec.param_count;
    snprintf(h.node, sizeof h.node, "%s", graph_node(g, n)->name);
    find_offsets(params, &h);
    return h;
}
