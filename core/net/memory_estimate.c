#include "core/net/memory_estimate.h"

#include "core/layers/linear.h"
#include "core/net/folded.h"
#include "core/net/memory_plan.h"
#include "core/net/parts.h"
#include "core/net/rewrites.h"

/* How many sizes of micro-batch `examples` come in: each has a program. */
static size_t program_count(int64_t examples, int batch_size, int micro)
{
    int sizes[NET_MAX_PART_SIZES];
    return (size_t)net_part_sizes(examples, batch_size, micro, sizes);
}

static size_t loader_bytes(int64_t examples, const MemoryQuestion *q, Shape image)
{
    enum { SLOTS = 3 };  // as core/data/loader/loader.c has them
    const size_t batch = (size_t)(examples < q->batch_size ? examples : q->batch_size);
    return SLOTS * batch * shape_count(image) * sizeof(float) + (size_t)examples * sizeof(int32_t);
}

/* The program itself, its libraries and threads; and for each layer of each program oneDNN's
 * primitives with the code generated for them. Both measured, on two threads with AVX-512: from
 * tiny nets to large images they leave no more than a twentieth of the total unexplained. */
enum { PROCESS_BYTES = 36 << 20, LAYER_BYTES = 130 << 10 };

static size_t base_bytes(size_t layers)
{
    return PROCESS_BYTES + layers * LAYER_BYTES;
}

/* Of all layers but the linear ones. The first training program packs the weights for two
 * directions and accumulates their float32 gradients. The others share all of that where they use
 * the same kernels, which is about half. */
static size_t packed_bytes(size_t numbers, size_t number_bytes, size_t train, size_t test)
{
    const size_t training = 2 * number_bytes + sizeof(float);
    const size_t others = train > 0 ? train - 1 : 0;
    return numbers * (training + others * training / 2 + test * number_bytes / 2);
}

static Node train_from(const Graph *g, const MemoryQuestion *q)
{
    const Node n = q->train_from ? graph_find(g, q->train_from) : 0;
    return n == NODE_NONE ? 0 : n;
}

MemoryEstimate memory_estimate(const Graph *g, const MemoryQuestion *q)
{
    const int micro = net_default_micro_batch(g, q->batch_size, q->threads);
    const int test_micro = net_evaluation_micro_batch(q->batch_size, q->threads);
    const size_t numbers = (size_t)graph_parameter_count(g);
    // One pack of a linear layer serves all programs.
    const size_t linear = (size_t)graph_type_parameters(g, &LINEAR);
    const size_t number_bytes = q->bf16 ? 2 : 4;
    const Shape image = graph_shape(g, graph_input(g));
    const size_t train =
        program_count(net_epoch_examples(g, q->train_count, q->batch_size), q->batch_size, micro);
    size_t test = program_count(q->test_count, q->batch_size, test_micro);
    if (q->validation_count > 0)  // whole micro-batches have one program
        test += program_count(q->validation_count, q->batch_size, test_micro) - 1;
    Graph *runs = rewrite_all(g, 0), *folded = rewrite_fold_batch_norm(g);
    const bool folds = graph_node_count(folded) < graph_node_count(g);
    const size_t own = folds && test > 0 ? numbers : 0;  // of evaluation: see core/net/folded.h
    Graph *evaluated = rewrite_all(folded, 0);
    const size_t layers =
        train * (size_t)graph_node_count(runs) + test * (size_t)graph_node_count(evaluated);
    MemoryPlan *plan =
        memory_plan_new(runs, (MemoryPlanConfig){.batch = micro,
                                                 .training = true,
                                                 .bf16 = q->bf16,
                                                 .train_from = train_from(runs, q),
                                                 .views = memory_plan_views_pay(q->bf16)});
    const MemoryEstimate e = {
        .parameters = (numbers * (2 + (size_t)q->extra_arrays) + own) * sizeof(float),
        .programs = packed_bytes(numbers - linear, number_bytes, train, test)
                    + (linear + own / 2) * number_bytes,
        .feature_maps = plan->bytes,
        .batches = loader_bytes(q->train_count, q, image)
                   + loader_bytes(q->validation_count, q, image)
                   + loader_bytes(q->test_count, q, image),
        .dataset = q->dataset_bytes,
        .base = base_bytes(layers),
    };
    memory_plan_free(plan);
    graph_free(evaluated);
    graph_free(folded);
    graph_free(runs);
    return e;
}

MemoryEstimate memory_estimate_forward(const Graph *g, int batch, bool bf16)
{
    enum { PROGRAMS = 2 };  // of a whole batch, and of the fewer examples that are left
    const size_t numbers = (size_t)graph_parameter_count(g);
    const size_t linear = (size_t)graph_type_parameters(g, &LINEAR);
    const size_t number_bytes = bf16 ? 2 : 4;
    Graph *folded = rewrite_fold_batch_norm(g), *runs = rewrite_all(folded, 0);
    const bool folds = graph_node_count(folded) < graph_node_count(g);
    MemoryPlan *plan = memory_plan_new(
        runs,
        (MemoryPlanConfig){.batch = batch, .bf16 = bf16, .views = memory_plan_views_pay(bf16)});
    const MemoryEstimate e = {
        .parameters = folds ? numbers * sizeof(float) : 0,
        .programs = ((numbers - linear) * PROGRAMS + linear) * number_bytes,
        .feature_maps = plan->bytes,
        .batches = (size_t)batch * shape_count(graph_shape(g, graph_input(g))) * sizeof(float),
        .base = PROGRAMS * (size_t)graph_node_count(runs) * LAYER_BYTES,
    };
    memory_plan_free(plan);
    graph_free(runs);
    graph_free(folded);
    return e;
}

size_t memory_estimate_total(const MemoryEstimate *e)
{
    return e->parameters + e->programs + e->feature_maps + e->batches + e->dataset + e->base;
}
