#include "core/net/memory_estimate.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "core/layers/max_pool.h"
#include "core/net/net.h"
#include "core/net/plan.h"
#include "core/net/rewrites.h"

/* DESIGN. The lives of values and gradients are those of program.c, told anew in numbers: what it
 * makes as tensors is here a size and an interval, laid out by the same plan_memory. A test
 * compares both on real nets. */

typedef struct {
    const Graph *graph;
    int count;     // nodes
    size_t batch;  // examples at a time
    size_t number_bytes;
    Lifetime *lives;
    int live_count;
    int *value;  // by node: its place in `lives`
} Layout;

static int add_life(Layout *l, size_t bytes, int birth, int death)
{
    l->lives[l->live_count] = (Lifetime){bytes, birth, death};
    return l->live_count++;
}

/* The argmax indices of a pool. */
static size_t argmax_bytes(const Layout *l, const GraphNode *pool)
{
    return l->batch * shape_count(pool->spec.dst) * MAX_POOL_ARGMAX_BYTES;
}

static void live_until(Layout *l, Node n, int step)
{
    Lifetime *life = &l->lives[l->value[n]];
    life->death = step > life->death ? step : life->death;
}

static int backward_step(const Layout *l, Node n)
{
    return 2 * l->count - n;
}

static size_t value_bytes(const Layout *l, Node n)
{
    return l->batch * shape_count(graph_shape(l->graph, n)) * l->number_bytes;
}

static void add_values(Layout *l)
{
    for (Node n = 0; n < l->count; n++) {
        const GraphNode *node = graph_node(l->graph, n);
        if (node->spec.dst_is_src)
            l->value[n] = l->value[node->srcs[0]];
        else
            l->value[n] = add_life(l, value_bytes(l, n), n, n);
    }
    live_until(l, l->count - 1, l->count);
    for (Node n = 1; n < l->count; n++) {
        const GraphNode *node = graph_node(l->graph, n);
        const int backward = backward_step(l, n);
        for (int s = 0; s < node->src_count; s++)
            live_until(l, node->srcs[s], node->spec.backward_needs_src ? backward : n);
        if (node->spec.backward_needs_dst)
            live_until(l, n, backward);
        if (node->type == &MAX_POOL)
            add_life(l, argmax_bytes(l, node), n, backward);
    }
}

static void add_gradients(Layout *l)
{
    add_life(l, value_bytes(l, l->count - 1), l->count, backward_step(l, l->count - 1));
    bool *wanted = xcalloc((size_t)l->count, sizeof *wanted);
    bool *shared = xcalloc((size_t)l->count, sizeof *shared);
    for (Node n = 1; n < l->count; n++) {
        const GraphNode *node = graph_node(l->graph, n);
        wanted[n] = node->spec.param_count > 0;
        for (int s = 0; s < node->src_count; s++) {
            const Node src = node->srcs[s];
            wanted[n] |= wanted[src];
            if (!wanted[src] || shared[src])
                continue;
            shared[src] = node->spec.part_channels > 0;
            const Node first = shared[src] ? graph_last_reader(l->graph, src) : n;
            add_life(l, value_bytes(l, src), backward_step(l, first), backward_step(l, src));
        }
    }
    free(shared);
    free(wanted);
}

/* The arena of a training step on `batch` examples; `g` is in the form that runs. */
static size_t arena_bytes(const Graph *g, size_t batch, size_t number_bytes)
{
    Layout l = {
        .graph = g, .count = graph_node_count(g), .batch = batch, .number_bytes = number_bytes};
    const size_t most = (size_t)l.count * (GRAPH_MAX_SRCS + 2);
    l.lives = xcalloc(most, sizeof *l.lives);
    l.value = xcalloc((size_t)l.count, sizeof *l.value);
    add_values(&l);
    add_gradients(&l);
    size_t *offsets = xcalloc((size_t)l.live_count, sizeof *offsets);
    const size_t bytes = plan_memory(l.lives, l.live_count, offsets);
    free(offsets);
    free(l.value);
    free(l.lives);
    return bytes;
}

/* How many sizes of micro-batch `examples` come in: each has a program. */
static size_t program_count(int64_t examples, int batch_size, int micro)
{
    int sizes[NET_MAX_PART_SIZES];
    return (size_t)net_part_sizes(examples, batch_size, micro, sizes);
}

static size_t loader_bytes(int64_t examples, const MemoryQuestion *q, Shape image)
{
    enum { SLOTS = 3 };  // as core/data/loader.c has them
    const size_t batch = (size_t)(examples < q->batch_size ? examples : q->batch_size);
    return SLOTS * batch * shape_count(image) * sizeof(float) + (size_t)examples * sizeof(int32_t);
}

/* The program itself, its libraries and threads; and for each layer of each program oneDNN's
 * primitives with the code generated for them. Both measured, on two threads with AVX-512: from
 * tiny nets to large images they leave no more than a twentieth of the whole unexplained. */
static size_t base_bytes(const Graph *g, size_t programs)
{
    enum { PROCESS = 36 << 20, LAYER = 130 << 10 };
    return PROCESS + programs * (size_t)graph_node_count(g) * LAYER;
}

MemoryEstimate memory_estimate(const Graph *g, const MemoryQuestion *q)
{
    const int micro = net_usual_micro_batch(q->batch_size, q->threads);
    const size_t numbers = (size_t)graph_parameter_count(g);
    const size_t number_bytes = q->bf16 ? 2 : 4;
    const Shape image = graph_shape(g, graph_input(g));
    const size_t train = program_count(q->train_count, q->batch_size, micro);
    const size_t test = program_count(q->test_count, q->batch_size, micro);
    Graph *runs = rewrite_all(g, 0);
    const MemoryEstimate e = {
        .parameters = numbers * sizeof(float) * (q->momentum ? 3 : 2),
        // Training packs the weights for each direction and their float32 gradients.
        .programs = numbers * (train * (2 * number_bytes + sizeof(float)) + test * number_bytes),
        .feature_maps = arena_bytes(runs, (size_t)micro, number_bytes),
        .batches = loader_bytes(q->train_count, q, image) + loader_bytes(q->test_count, q, image),
        .dataset = q->dataset_bytes,
        .base = base_bytes(runs, train + test),
    };
    graph_free(runs);
    return e;
}

size_t memory_estimate_total(const MemoryEstimate *e)
{
    return e->parameters + e->programs + e->feature_maps + e->batches + e->dataset + e->base;
}
