#include "core/dnn/params.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

static void add_node(ParamStore *store, const GraphNode *node)
{
    for (int i = 0; i < node->spec.param_count; i++) {
        const ParamSpec *spec = &node->spec.params[i];
        Param p = {.name = xasprintf("%s.%s", node->name, spec->name),
                   .dim_count = spec->dim_count,
                   .fan_in = spec->fan_in,
                   .fan_out = spec->fan_out,
                   .count = 1};
        for (int d = 0; d < spec->dim_count; d++) {
            p.dims[d] = spec->dims[d];
            p.count *= (size_t)spec->dims[d];
        }
        store->params[store->param_count++] = p;
    }
}

static void place_param(ParamStore *store, Param *p)
{
    p->offset = store->count;
    store->count += p->count;
}

/* `first` says where in the store the parameters of each node are. */
static void place_params(ParamStore *store, const Graph *g, const int *first)
{
    const int count = graph_node_count(g);
    bool *placed = xcalloc((size_t)count, sizeof *placed);
    for (Node n = 0; n < count; n++) {
        const int param_count = placed[n] ? 0 : graph_node(g, n)->spec.param_count;
        for (int i = 0; i < param_count; i++) {
            for (Node s = n; s < count; s++) {
                if (graph_siblings(g, n, s)) {
                    place_param(store, &store->params[first[s] + i]);
                    placed[s] = true;
                }
            }
        }
    }
    free(placed);
}

bool params_new(const Graph *g, ParamStore **result, Error *err)
{
    int count = 0;
    for (int i = 0; i < graph_node_count(g); i++)
        count += graph_node(g, i)->spec.param_count;
    ParamStore *store = xcalloc(1, sizeof *store);
    store->params = xcalloc((size_t)count, sizeof *store->params);
    int *first = xcalloc((size_t)graph_node_count(g), sizeof *first);
    for (int i = 0; i < graph_node_count(g); i++) {
        first[i] = store->param_count;
        add_node(store, graph_node(g, i));
    }
    place_params(store, g, first);
    free(first);
    store->values = calloc(store->count + 1, sizeof *store->values);
    store->grads = calloc(store->count + 1, sizeof *store->grads);
    if (!store->values || !store->grads) {
        fail(err, ERR_NO_MEMORY, "no memory for %zu parameters (%zu MB)", store->count,
             store->count * 2 * sizeof(float) >> 20);
        params_free(store);
        return false;
    }
    *result = store;
    return true;
}

void params_free(ParamStore *store)
{
    if (!store)
        return;
    for (int i = 0; i < store->param_count; i++)
        free((void *)store->params[i].name);
    free(store->params);
    free(store->values);
    free(store->grads);
    free(store->momentum);
    free(store);
}

bool params_need_momentum(ParamStore *store, Error *err)
{
    if (store->momentum)
        return true;
    store->momentum = calloc(store->count + 1, sizeof *store->momentum);
    if (!store->momentum)
        return fail(err, ERR_NO_MEMORY, "no memory for the momentum of %zu parameters (%zu MB)",
                    store->count, store->count * sizeof(float) >> 20);
    return true;
}

const Param *params_find(const ParamStore *store, const char *name)
{
    for (int i = 0; i < store->param_count; i++) {
        if (strcmp(store->params[i].name, name) == 0)
            return &store->params[i];
    }
    return NULL;
}
