#include "core/net/costs.h"

#include "core/layers/conv/conv.h"
#include "core/layers/linear.h"
#include "core/net/memory_estimate.h"

static int64_t parameters_of(const Graph *g, const LayerType *type)
{
    int64_t count = 0;
    for (Node n = 1; n < graph_node_count(g); n++)
        if (graph_node(g, n)->type == type)
            count += graph_node_parameters(graph_node(g, n));
    return count;
}

Costs graph_costs(const Graph *g)
{
    // One batch of each split: what a data set adds is the data set's.
    const MemoryQuestion question = {.batch_size = COSTS_BATCH,
                                     .threads = 1,
                                     .train_count = COSTS_BATCH,
                                     .test_count = COSTS_BATCH};
    const MemoryEstimate memory = memory_estimate(g, &question);
    return (Costs){.parameters = graph_parameter_count(g),
                   .convolution_parameters = parameters_of(g, &CONV),
                   .linear_parameters = parameters_of(g, &LINEAR),
                   .multiply_adds = graph_multiply_adds(g),
                   .training_bytes = memory_estimate_total(&memory)};
}
