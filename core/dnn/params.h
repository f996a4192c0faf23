/* core/dnn/params.h -- the parameters of a network: flat arrays, and views of them by name.
 *
 * Values, gradients and momentum are float32 in plain layout (OIHW, (out, in)). Parameters follow
 * one another in the order of the graph, except that those of siblings (core/graph/graph.h) are
 * contiguous: all their weights, then all their biases, as one wider node would have them.
 * Optimizer, initialisation and checkpoint are loops over the arrays; layers copy what they need
 * into the layouts of their kernels.
 */
#pragma once
#include "core/graph/graph.h"

typedef struct {
    const char *name;  // "2.0.p1_1.weight"
    int dims[GRAPH_MAX_DIMS];
    int dim_count;
    int fan_in;
    int fan_out;
    size_t offset;  // of its first number in the arrays
    size_t count;   // numbers
} Param;

typedef struct {
    Param *params;
    int param_count;
    size_t count;  // numbers in each array
    float *values;
    float *grads;
    float *momentum;  // NULL until the optimizer needs it
} ParamStore;

/* Room for all parameters of a graph, zeroed. Keeps nothing of the graph. ERR_NO_MEMORY. */
bool params_new(const Graph *g, ParamStore **store, Error *err);
void params_free(ParamStore *store);  // takes NULL

/* Make sure that `momentum` is there, zeroed when it is new. ERR_NO_MEMORY. */
bool params_need_momentum(ParamStore *store, Error *err);

const Param *params_find(const ParamStore *store, const char *name);  // NULL if there is none
