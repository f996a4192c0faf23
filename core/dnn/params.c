#include "core/dnn/params.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

const char *const PARAM_SLOT_NAMES[PARAM_SLOTS] = {
    [SLOT_MOMENTUM] = "momentum",
    [SLOT_FIRST_MOMENT] = "first_moment",
    [SLOT_SECOND_MOMENT] = "second_moment",
    [SLOT_AVERAGE] = "average",
};

static void add_node(ParamStore *store, const GraphNode *node)
{
    for (int i = 0; i < node->spec.param_count; i++) {
        const ParamSpec *spec = &node->spec.params[i];
        Param p = {.name = xasprintf("%s.%s", node->name, spec->name),
                   .role = spec->role,
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

/* The parts of the store, in their order. */
typedef enum { PART_WEIGHTS, PART_OTHER_TRAINED, PART_STATISTICS, PART_COUNTERS } Part;

static Part part_of(ParamRole role)
{
    if (role == ROLE_WEIGHT)
        return PART_WEIGHTS;
    if (role == ROLE_COUNTER)
        return PART_COUNTERS;
    return role_is_trained(role) ? PART_OTHER_TRAINED : PART_STATISTICS;
}

static void place_param(ParamStore *store, Param *p)
{
    size_t *used = p->role == ROLE_COUNTER ? &store->counter_count : &store->count;
    p->offset = *used;
    *used += p->count;
}

/* `first` says where in the list of parameters those of each node are. */
static void place_part(ParamStore *store, const Graph *g, const int *first, Part part)
{
    const int count = graph_node_count(g);
    bool *placed = xcalloc((size_t)count, sizeof *placed);
    for (Node n = 0; n < count; n++) {
        const int param_count = placed[n] ? 0 : graph_node(g, n)->spec.param_count;
        for (int i = 0; i < param_count; i++) {
            const bool here = part_of(store->params[first[n] + i].role) == part;
            for (Node s = n; s < count; s++) {
                if (!graph_siblings(g, n, s))
                    continue;
                placed[s] = true;
                if (here)
                    place_param(store, &store->params[first[s] + i]);
            }
        }
    }
    free(placed);
}

static void place_params(ParamStore *store, const Graph *g, const int *first)
{
    place_part(store, g, first, PART_WEIGHTS);
    store->weight_count = store->count;
    place_part(store, g, first, PART_OTHER_TRAINED);
    store->trained_count = store->count;
    place_part(store, g, first, PART_STATISTICS);
    place_part(store, g, first, PART_COUNTERS);
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
    store->counters = xcalloc(store->counter_count, sizeof *store->counters);
    store->values = calloc(store->count + 1, sizeof *store->values);
    store->grads = calloc(store->trained_count + 1, sizeof *store->grads);
    if (!store->values || !store->grads) {
        fail(err, ERR_NO_MEMORY, "no memory for %zu parameters (%zu MB)", store->count,
             params_bytes(store) >> 20);
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
    for (int s = 0; s < PARAM_SLOTS; s++)
        free(store->slots[s]);
    free(store->params);
    free(store->values);
    free(store->grads);
    free(store->counters);
    free(store);
}

bool params_need_slot(ParamStore *store, ParamSlot slot, Error *err)
{
    if (store->slots[slot])
        return true;
    store->slots[slot] = calloc(store->trained_count + 1, sizeof(float));
    return store->slots[slot]
           || fail(err, ERR_NO_MEMORY, "no memory for the %s of %zu parameters (%zu MB)",
                   PARAM_SLOT_NAMES[slot], store->trained_count,
                   store->trained_count * sizeof(float) >> 20);
}

void params_drop_slot(ParamStore *store, ParamSlot slot)
{
    free(store->slots[slot]);
    store->slots[slot] = NULL;
}

size_t params_bytes(const ParamStore *store)
{
    size_t numbers = store->count + store->trained_count;
    for (int s = 0; s < PARAM_SLOTS; s++)
        numbers += store->slots[s] ? store->trained_count : 0;
    return numbers * sizeof(float) + store->counter_count * sizeof(int64_t);
}

const Param *params_find(const ParamStore *store, const char *name)
{
    for (int i = 0; i < store->param_count; i++) {
        if (strcmp(store->params[i].name, name) == 0)
            return &store->params[i];
    }
    return NULL;
}

/* ---- Statistics ---- */

size_t params_statistics(const ParamStore *store)
{
    return store->count - store->trained_count;
}

KeptStatistics kept_statistics_new(const ParamStore *store)
{
    return (KeptStatistics){.statistics = xcalloc(params_statistics(store) + 1, sizeof(float)),
                            .counters = xcalloc(store->counter_count + 1, sizeof(int64_t))};
}

void kept_statistics_free(KeptStatistics *kept)
{
    free(kept->statistics);
    free(kept->counters);
}

void statistics_keep(const ParamStore *store, KeptStatistics *kept)
{
    memcpy(kept->statistics, store->values + store->trained_count,
           params_statistics(store) * sizeof(float));
    memcpy(kept->counters, store->counters, store->counter_count * sizeof(int64_t));
}

void statistics_restore(const KeptStatistics *kept, ParamStore *store)
{
    memcpy(store->values + store->trained_count, kept->statistics,
           params_statistics(store) * sizeof(float));
    memcpy(store->counters, kept->counters, store->counter_count * sizeof(int64_t));
}
