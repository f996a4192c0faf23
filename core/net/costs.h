/* core/net/costs.h -- what a network costs, and where its parameters sit: how networks compare.
 *
 * From the graph alone; any thread may ask. */
#pragma once
#include <stddef.h>

#include "core/graph/graph.h"

/* The batch and precision that training memory is told for, on one thread, with SGD. */
enum { COSTS_BATCH = 128 };

typedef struct {
    int64_t parameters;  // that are trained
    int64_t convolution_parameters;
    int64_t linear_parameters;  // the rest is normalisation
    int64_t multiply_adds;      // forward, one image
    size_t training_bytes;      // of a training in float32, by core/net/memory_estimate.h
} Costs;

/* `g` as a model made it, and without fault. */
Costs graph_costs(const Graph *g);
