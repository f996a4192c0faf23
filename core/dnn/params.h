/* core/dnn/params.h -- the parameters of a network: flat arrays, and views of them by name.
 *
 * Values, gradients and what the optimizer keeps are float32 in plain layout (OIHW, (out, in)).
 * Optimizer, initialisation and checkpoint are loops over the arrays; layers copy what they need
 * into the layouts of their kernels.
 *
 *     [ weights | biases, scales, shifts | running statistics ]
 *       weight_count
 *       trained_count ------------------->
 *       count --------------------------------------------------->
 *
 * What the optimizer moves stands before what it does not, and what always decays before the rest.
 * Within each part parameters follow one another in the order of the graph, except that those of
 * siblings (core/graph/graph.h) are contiguous, as one wider node would have them.
 */
#pragma once
#include "core/graph/graph.h"

typedef struct {
    const char *name;  // "2.0.p1_1.weight"
    ParamRole role;
    int dims[GRAPH_MAX_DIMS];
    int dim_count;
    int fan_in;
    int fan_out;
    size_t offset;  // of its first number in the arrays; of a counter's in `counters`
    size_t count;   // numbers
} Param;

/* What an optimizer may keep for each number that it moves. */
typedef enum {
    SLOT_MOMENTUM,
    SLOT_FIRST_MOMENT,   // running mean of the gradient
    SLOT_SECOND_MOMENT,  // running mean of its square
    SLOT_AVERAGE,        // moving average of the value
    PARAM_SLOTS
} ParamSlot;

extern const char *const PARAM_SLOT_NAMES[PARAM_SLOTS];  // "momentum"; they stand in checkpoints

typedef struct {
    Param *params;  // in the order of the graph
    int param_count;
    size_t weight_count, trained_count, count;  // numbers; see above
    float *values;                              // `count`
    float *grads;                               // `trained_count`
    float *slots[PARAM_SLOTS];                  // `trained_count` each; NULL until needed
    int64_t *counters;                          // of parameters with ROLE_COUNTER
    size_t counter_count;
} ParamStore;

/* Room for all parameters of a graph, zeroed. Keeps nothing of the graph. ERR_NO_MEMORY. */
bool params_new(const Graph *g, ParamStore **store, Error *err);
void params_free(ParamStore *store);  // takes NULL

/* Make sure that a slot is there, zeroed when it is new. ERR_NO_MEMORY. */
bool params_need_slot(ParamStore *store, ParamSlot slot, Error *err);
void params_drop_slot(ParamStore *store, ParamSlot slot);

/* Bytes of all arrays. */
size_t params_bytes(const ParamStore *store);

const Param *params_find(const ParamStore *store, const char *name);  // NULL if there is none

/* What a batch changes by itself, before any update, as it was: put back if it is given up. */
typedef struct {
    float *statistics;  // running ones: numbers [trained_count, count)
    int64_t *counters;
} KeptStatistics;

size_t params_statistics(const ParamStore *store);  // how many running ones there are
KeptStatistics kept_statistics_new(const ParamStore *store);
void kept_statistics_free(KeptStatistics *kept);
void statistics_keep(const ParamStore *store, KeptStatistics *kept);
void statistics_restore(const KeptStatistics *kept, ParamStore *store);
