#include "core/net/costs.h"

#include "core/layers/conv/conv.h"
#include "core/layers/linear.h"
#include "core/net/memory_estimate.h"

Costs graph_costs(const Graph *g)
{
    // One batch of each split: what a data set adds is the data set's.
    const MemoryQuestion question = {.batch_size = COSTS_BATCH,
                                     .threads = 1,
                                     .train_count = COSTS_BATCH,
                                     .test_count = COSTS_BATCH};
    const MemoryEstimate memory = memory_estimate(g, &question);
    return (Costs){.parameters = graph_parameter_count(g),
                   .convolution_parameters = graph_type_parameters(g, &CONV),
                   .linear_parameters = graph_type_parameters(g, &LINEAR),
                   .multiply_adds = graph_multiply_adds(g),
                   .training_bytes = memory_estimate_total(&memory)};
}
