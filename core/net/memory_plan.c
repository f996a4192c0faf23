#include "core/net/memory_plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/kernels/conv/gemm.h"
#include "core/layers/concat.h"
#include "core/layers/layer.h"
#include "core/layers/slice.h"

/* DESIGN. Values belong to nodes, gradients to edges: the gradient of a node's value arrives from
 * its reader, so each edge has a block, which is the reader's diff_src and the writer's diff_dst.
 * Readers that take a part of the value each share one. The loss reads the output and gives its
 * gradient.
 *
 * With views, a value that a concat alone reads lies in the concat's block from the start, and the
 * value of a slice in that of its source; their gradients lie in the gradients of these in the same
 * way. Nothing is copied then. A layer gets views only where its LayerOps say that it takes them;
 * where one of those concerned does not, concat and slice copy. A slice that a concat reads can be
 * in one place only: it lies in the concat, and copies. */

typedef struct {
    const Graph *graph;
    MemoryPlanConfig config;
    int nodes;
    MemoryPlan *plan;
    Node *whole;  // by node: whose value its own is a part of; NODE_NONE: it has its own block
    int *first;   // the part's first channel
} Builder;

static int backward_step(const Builder *b, Node n)
{
    return 2 * b->nodes - n;
}

static int add_block(Builder *b, PlanBlock block)
{
    MemoryPlan *plan = b->plan;
    block.part_of = -1;
    plan->blocks = xrealloc(plan->blocks, (size_t)plan->count + 1, sizeof *plan->blocks);
    plan->blocks[plan->count] = block;
    return plan->count++;
}

/* A block of numbers, one for each of node n's value. */
static int add_numbers(Builder *b, PlanKind kind, Node n, bool bf16, Lifetime life)
{
    const size_t numbers = (size_t)b->config.batch * shape_count(graph_shape(b->graph, n));
    return add_block(b, (PlanBlock){.kind = kind,
                                    .node = n,
                                    .bf16 = bf16,
                                    .bytes = numbers * (bf16 ? 2 : 4),
                                    .life = life});
}

/* ---- Parts ---- */

static bool shares_src(const Builder *b, const GraphNode *node)
{
    return node->spec.dst_is_src || (node->spec.evaluates_to_src && !b->config.training);
}

/* Whether all that read a value take views. Who reads a fork's reads its source's. */
static bool readers_take_views(const Builder *b, Node n)
{
    bool all = n < b->nodes - 1;  // the output is given away
    for (Node i = n + 1; all && i < b->nodes; i++) {
        const GraphNode *node = graph_node(b->graph, i);
        for (int s = 0; s < node->src_count; s++) {
            if (node->srcs[s] == n)
                all &= node->type->ops->strided_src
                       && (!shares_src(b, node) || readers_take_views(b, i));
        }
    }
    return all;
}

/* Whether node n is read by a concat alone, and can write into a part of its value. */
static bool can_join(const Builder *b, Node n)
{
    const GraphNode *node = graph_node(b->graph, n);
    return graph_reader_count(b->graph, n) == 1
           && graph_node(b->graph, graph_last_reader(b->graph, n))->type == &CONCAT && node->type
           && node->type->ops->strided_dst && !shares_src(b, node);
}

static void find_parts(Builder *b)
{
    for (Node n = 0; n < b->nodes; n++)
        b->whole[n] = NODE_NONE;
    for (Node n = 1; b->config.views && n < b->nodes; n++) {
        const GraphNode *node = graph_node(b->graph, n);
        if (node->type == &SLICE && !can_join(b, n) && readers_take_views(b, n)) {
            b->whole[n] = node->srcs[0];
            b->first[n] = node->spec.part_first;
        }
        int channel = 0;
        for (int s = 0; node->type == &CONCAT && s < node->src_count; s++) {
            const Node src = node->srcs[s];
            if (src > 0 && can_join(b, src)) {
                b->whole[src] = n;
                b->first[src] = channel;
            }
            channel += graph_shape(b->graph, src).channels;
        }
    }
}

static void make_part(Builder *b, int block, int whole, int first)
{
    b->plan->blocks[block].part_of = whole;
    b->plan->blocks[block].first = first;
}

/* A part of a part is a part of the whole, which is in use while any of its parts is. */
static void resolve_parts(Builder *b)
{
    PlanBlock *blocks = b->plan->blocks;
    for (int i = 0; i < b->plan->count; i++) {
        PlanBlock *part = &blocks[i];
        if (part->part_of < 0)
            continue;
        for (const PlanBlock *up = &blocks[part->part_of]; up->part_of >= 0;
             up = &blocks[part->part_of]) {
            part->first += up->first;
            part->part_of = up->part_of;
        }
        Lifetime *life = &blocks[part->part_of].life;
        life->birth = part->life.birth < life->birth ? part->life.birth : life->birth;
        life->death = part->life.death > life->death ? part->life.death : life->death;
        part->bytes = 0;
    }
}

/* Which values have gradients: the backward pass goes no further. */
static void find_gradients(Builder *b)
{
    bool *has_grad = b->plan->has_grad;
    has_grad[0] = b->config.diff_input;
    for (Node n = 1; n < b->nodes; n++) {
        const GraphNode *node = graph_node(b->graph, n);
        has_grad[n] = node->spec.param_count > 0 && n >= b->config.train_from;
        for (int s = 0; s < node->src_count; s++)
            has_grad[n] |= has_grad[node->srcs[s]];
    }
}

/* ---- Values ---- */

static void live_until(Builder *b, Node n, int step)
{
    Lifetime *life = &b->plan->blocks[b->plan->value[n]].life;
    life->death = step > life->death ? step : life->death;
}

/* The output is float32. Where its layer can give it that, it does, before it rounds to the type of
 * the others. */
static bool is_exact(const Builder *b, Node n)
{
    const LayerType *type = graph_node(b->graph, n)->type;
    return n == graph_output(b->graph) && type && type->ops->sums_in_f32;
}

static void add_values(Builder *b)
{
    MemoryPlan *plan = b->plan;
    const Node last = b->nodes - 1;
    for (Node n = 0; n < b->nodes; n++) {
        const GraphNode *node = graph_node(b->graph, n);
        const bool bf16 = b->config.bf16 && !is_exact(b, n);
        plan->value[n] = shares_src(b, node)
                             ? plan->value[node->srcs[0]]
                             : add_numbers(b, PLAN_VALUE, n, bf16, (Lifetime){0, n, n});
    }
    for (Node n = 0; n < b->nodes; n++) {
        if (b->whole[n] != NODE_NONE)
            make_part(b, plan->value[n], plan->value[b->whole[n]], b->first[n]);
    }
    live_until(b, last, b->nodes);
    plan->output = plan->blocks[plan->value[last]].bf16
                       ? add_numbers(b, PLAN_OUTPUT, last, false, (Lifetime){0, b->nodes, b->nodes})
                       : plan->value[last];
    for (Node n = 1; n < b->nodes; n++) {
        const GraphNode *node = graph_node(b->graph, n);
        const int backward = plan->has_grad[n] ? backward_step(b, n) : n;
        for (int s = 0; s < node->src_count; s++)
            live_until(b, node->srcs[s], node->spec.backward_needs_src ? backward : n);
        if (node->spec.backward_needs_dst)
            live_until(b, n, backward);
    }
}

/* ---- Gradients ---- */

/* The gradient of the value of `writer`, as it comes from the step `birth`. */
static int add_gradient(Builder *b, Node writer, int birth)
{
    return add_numbers(b, PLAN_GRADIENT, writer, b->config.bf16,
                       (Lifetime){0, birth, backward_step(b, writer)});
}

/* The gradient that a concat receives, or a slice gives, has the gradients of parts in it. */
static void add_gradient_parts(Builder *b)
{
    MemoryPlan *plan = b->plan;
    int *received = xcalloc((size_t)b->nodes, sizeof *received);  // by node, but for forks
    received[b->nodes - 1] = plan->diff_output;
    for (Node n = 1; n < b->nodes; n++) {
        for (int s = 0; s < graph_node(b->graph, n)->src_count; s++)
            received[graph_node(b->graph, n)->srcs[s]] = plan->diff_src[n * GRAPH_MAX_SRCS + s];
    }
    for (Node n = 1; n < b->nodes; n++) {
        const Node whole = b->whole[n];
        if (whole == NODE_NONE || !plan->has_grad[n])
            continue;
        const bool is_slice = whole < n;
        make_part(b, received[n], is_slice ? plan->diff_src[n * GRAPH_MAX_SRCS] : received[whole],
                  b->first[n]);
    }
    free(received);
}

static void add_gradients(Builder *b)
{
    MemoryPlan *plan = b->plan;
    plan->diff_output = add_gradient(b, b->nodes - 1, b->nodes);
    int *shared = xcalloc((size_t)b->nodes, sizeof *shared);  // by writer: its block; 0: none yet
    for (Node n = 1; n < b->nodes; n++) {
        const GraphNode *node = graph_node(b->graph, n);
        for (int s = 0; s < node->src_count; s++) {
            const Node writer = node->srcs[s];
            const bool part = node->spec.part_channels > 0;
            if (!plan->has_grad[writer])
                continue;
            const Node first = part ? graph_last_reader(b->graph, writer) : n;
            const int block = part && shared[writer] > 0
                                  ? shared[writer]
                                  : add_gradient(b, writer, backward_step(b, first));
            if (part)
                shared[writer] = block;
            plan->diff_src[n * GRAPH_MAX_SRCS + s] = block;
        }
    }
    free(shared);
    add_gradient_parts(b);
}

/* ---- Workspaces, and the whole ---- */

static void add_workspaces(Builder *b)
{
    for (Node n = 1; n < b->nodes; n++) {
        const GraphNode *node = graph_node(b->graph, n);
        const LayerOps *ops = node->type->ops;
        if (ops->workspace_bytes && b->plan->has_grad[n])
            add_block(b, (PlanBlock){.kind = PLAN_WORKSPACE,
                                     .node = n,
                                     .bytes = (size_t)b->config.batch * ops->workspace_bytes(node),
                                     .life = {0, n, backward_step(b, n)}});
    }
}

static void place(Builder *b)
{
    MemoryPlan *plan = b->plan;
    Lifetime *lives = xcalloc((size_t)plan->count, sizeof *lives);
    size_t *offsets = xcalloc((size_t)plan->count, sizeof *offsets);
    for (int i = 0; i < plan->count; i++) {
        lives[i] = plan->blocks[i].life;
        lives[i].bytes = plan->blocks[i].bytes;
        if (b->config.keep_all)
            lives[i] = (Lifetime){lives[i].bytes, 0, 2 * b->nodes};
    }
    plan->bytes = plan_memory(lives, plan->count, offsets);
    for (int i = 0; i < plan->count; i++)
        plan->blocks[i].offset = offsets[i];
    for (int i = 0; i < plan->count; i++) {
        PlanBlock *part = &plan->blocks[i];
        if (part->part_of >= 0)
            part->offset = offsets[part->part_of] + (size_t)part->first * (part->bf16 ? 2 : 4);
    }
    free(offsets);
    free(lives);
}

MemoryPlan *memory_plan_new(const Graph *g, MemoryPlanConfig config)
{
    MemoryPlan *plan = xcalloc(1, sizeof *plan);
    Builder b = {.graph = g, .config = config, .nodes = graph_node_count(g), .plan = plan};
    const size_t nodes = (size_t)b.nodes;
    b.whole = xcalloc(nodes, sizeof *b.whole);
    b.first = xcalloc(nodes, sizeof *b.first);
    plan->value = xcalloc(nodes, sizeof *plan->value);
    plan->has_grad = xcalloc(nodes, sizeof *plan->has_grad);
    plan->diff_src = xcalloc(nodes * GRAPH_MAX_SRCS, sizeof *plan->diff_src);
    memset(plan->diff_src, 0xff, nodes * GRAPH_MAX_SRCS * sizeof *plan->diff_src);  // -1
    plan->diff_output = -1;
    find_parts(&b);
    if (config.training)
        find_gradients(&b);
    add_values(&b);
    if (config.training) {
        add_gradients(&b);
        add_workspaces(&b);
    }
    resolve_parts(&b);
    place(&b);
    free(b.whole);
    free(b.first);
    return plan;
}

bool memory_plan_views_pay(bool bf16)
{
    return gemm_kernel(bf16) != NULL;
}

void memory_plan_free(MemoryPlan *plan)
{
    if (!plan)
        return;
    free(plan->blocks);
    free(plan->value);
    free(plan->diff_src);
    free(plan->has_grad);
    free(plan);
}
