#include "core/net/program.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/invariant.h"
#include "core/base/memory.h"
#include "core/net/plan.h"

/* DESIGN. Values belong to nodes, gradients to edges: the gradient of a node's value arrives from
 * its reader, so each edge has a tensor, which is the reader's diff_src and the writer's diff_dst.
 * Readers that take a part of the value each share one. The loss reads the output and gives its
 * gradient.
 *
 * Time is counted in steps: node i runs forward at step i, the loss at step N, and node i backward
 * at step 2N - i. Every tensor's life is an interval of these steps, and plan_memory lays them out.
 */

typedef struct {
    Tensor *tensor;
    Lifetime life;
    size_t offset;  // in the arena
} Slot;

struct Program {
    const Graph *graph;
    ProgramConfig config;
    int count;       // nodes; the input is node 0 and has no layer
    Layer *layers;   // by node
    bool *has_grad;  // by node: some parameter stands at it or before it
    Tensor *output;  // float32: the last node's value, or a copy of it
    Tensor *diff_output;
    Slot *slots;  // all tensors that live in the arena; owned
    int slot_count;
    int *value_slot;  // by node; a fork shares that of its source
    size_t arena_bytes;
};

static int backward_step(const Program *p, Node n)
{
    return 2 * p->count - n;
}

static int add_slot(Program *p, Tensor *tensor, int birth, int death)
{
    p->slots = xrealloc(p->slots, (size_t)p->slot_count + 1, sizeof *p->slots);
    p->slots[p->slot_count] = (Slot){.tensor = tensor, .life = {tensor->bytes, birth, death}};
    return p->slot_count++;
}

static void live_until(Program *p, int slot, int step)
{
    Lifetime *life = &p->slots[slot].life;
    life->death = step > life->death ? step : life->death;
}

static Tensor *value_of(const Program *p, Node n)
{
    return p->slots[p->value_slot[n]].tensor;
}

/* The output is float32. Where its layer can give it that, it does, before it rounds to the type of
 * the others. */
static dnnl_data_type_t value_type(const Program *p, Node n)
{
    const LayerType *type = graph_node(p->graph, n)->type;
    const bool exact = n == graph_output(p->graph) && type && type->ops->sums_in_f32;
    return exact ? dnnl_f32 : p->config.type;
}

static bool create_values(Program *p, const Dnn *dnn, Error *err)
{
    for (Node n = 0; n < p->count; n++) {
        const GraphNode *node = graph_node(p->graph, n);
        if (node->spec.dst_is_src) {
            p->value_slot[n] = p->value_slot[node->srcs[0]];
            continue;
        }
        Tensor *t = NULL;
        if (!tensor_new(dnn, node->spec.dst, p->config.batch, value_type(p, n), &t, err))
            return false;
        p->value_slot[n] = add_slot(p, t, n, n);
    }
    live_until(p, p->value_slot[p->count - 1], p->count);
    p->output = value_of(p, p->count - 1);
    if (p->output->type != dnnl_f32) {
        if (!tensor_new(dnn, p->output->shape, p->config.batch, dnnl_f32, &p->output, err))
            return false;
        add_slot(p, p->output, p->count, p->count);
    }
    for (Node n = 1; n < p->count; n++) {
        const GraphNode *node = graph_node(p->graph, n);
        const int backward = p->config.training ? backward_step(p, n) : n;
        for (int s = 0; s < node->src_count; s++)
            live_until(p, p->value_slot[node->srcs[s]],
                       node->spec.backward_needs_src ? backward : n);
        if (node->spec.backward_needs_dst)
            live_until(p, p->value_slot[n], backward);
    }
    return true;
}

static void find_gradients(Program *p)
{
    p->has_grad[0] = p->config.diff_input;
    for (Node n = 1; n < p->count; n++) {
        const GraphNode *node = graph_node(p->graph, n);
        p->has_grad[n] = node->spec.param_count > 0;
        for (int s = 0; s < node->src_count; s++)
            p->has_grad[n] |= p->has_grad[node->srcs[s]];
    }
}

/* The gradient of `writer`'s value as it comes from the step `birth`. */
static bool create_gradient(Program *p, const Dnn *dnn, Node writer, int birth, Tensor **diff,
                            Error *err)
{
    if (!tensor_new(dnn, graph_shape(p->graph, writer), p->config.batch, p->config.type, diff, err))
        return false;
    add_slot(p, *diff, birth, backward_step(p, writer));
    Layer *l = &p->layers[writer];
    INVARIANT(l->diff_dst_count < GRAPH_MAX_READERS);
    l->diff_dst[l->diff_dst_count++] = *diff;
    return true;
}

/* The gradient that node n gives its source s; `shared` keeps, by writer, those that are shared. */
static bool create_diff_src(Program *p, const Dnn *dnn, Node n, int s, Tensor **shared, Error *err)
{
    const GraphNode *node = graph_node(p->graph, n);
    const Node writer = node->srcs[s];
    Tensor **diff_src = &p->layers[n].diff_src[s];
    if (node->spec.part_channels == 0)
        return create_gradient(p, dnn, writer, backward_step(p, n), diff_src, err);
    const int birth = backward_step(p, graph_last_reader(p->graph, writer));
    if (!shared[writer] && !create_gradient(p, dnn, writer, birth, &shared[writer], err))
        return false;
    *diff_src = shared[writer];
    return true;
}

static bool create_gradients(Program *p, const Dnn *dnn, Error *err)
{
    find_gradients(p);
    if (!create_gradient(p, dnn, p->count - 1, p->count, &p->diff_output, err))
        return false;
    Tensor **shared = xcalloc((size_t)p->count, sizeof *shared);  // by writer
    bool ok = true;
    for (Node n = 1; ok && n < p->count; n++) {
        const GraphNode *node = graph_node(p->graph, n);
        for (int s = 0; ok && s < node->src_count; s++)
            ok = !p->has_grad[node->srcs[s]] || create_diff_src(p, dnn, n, s, shared, err);
    }
    free(shared);
    return ok;
}

static int first_param(const ParamStore *params, const GraphNode *node)
{
    if (node->spec.param_count == 0)
        return -1;
    char *name = xasprintf("%s.%s", node->name, node->spec.params[0].name);
    const Param *p = params_find(params, name);
    free(name);
    INVARIANT(p);  // the store was made from the same network
    return (int)(p - params->params);
}

static bool create_layers(Program *p, ParamStore *params, const Dnn *dnn, Error *err)
{
    for (Node n = 1; n < p->count; n++) {
        Layer *l = &p->layers[n];
        l->node = graph_node(p->graph, n);
        l->dnn = dnn;
        l->batch = p->config.batch;
        l->training = p->config.training;
        for (int s = 0; s < l->node->src_count; s++)
            l->src[s] = value_of(p, l->node->srcs[s]);
        l->dst = value_of(p, n);
        l->params = params;
        l->first_param = first_param(params, l->node);
        l->shared = p->config.shared;
        l->autotune = p->config.autotune;
        l->go_on = p->config.go_on;
        l->go_on_context = p->config.go_on_context;
        l->runs_per_load = p->config.runs_per_load > 0 ? p->config.runs_per_load : 1;
        if (!l->node->type->ops->create(l, err))
            return fail_in(err, "%s", l->node->name);
        if (l->workspace)
            add_slot(p, l->workspace, n, p->config.training ? backward_step(p, n) : n);
    }
    return true;
}

static void plan(Program *p)
{
    Lifetime *lives = xcalloc((size_t)p->slot_count, sizeof *lives);
    size_t *offsets = xcalloc((size_t)p->slot_count, sizeof *offsets);
    for (int i = 0; i < p->slot_count; i++) {
        lives[i] = p->slots[i].life;
        if (p->config.keep_all)
            lives[i] = (Lifetime){lives[i].bytes, 0, 2 * p->count};
    }
    p->arena_bytes = plan_memory(lives, p->slot_count, offsets);
    for (int i = 0; i < p->slot_count; i++)
        p->slots[i].offset = offsets[i];
    free(offsets);
    free(lives);
}

bool program_new(const Graph *g, ParamStore *params, const Dnn *dnn, ProgramConfig config,
                 Program **program, Error *err)
{
    if (!graph_check(g, err))
        return false;
    Program *p = xcalloc(1, sizeof *p);
    p->graph = g;
    p->config = config;
    p->count = graph_node_count(g);
    p->layers = xcalloc((size_t)p->count, sizeof *p->layers);
    p->has_grad = xcalloc((size_t)p->count, sizeof *p->has_grad);
    p->value_slot = xcalloc((size_t)p->count, sizeof *p->value_slot);
    if (!create_values(p, dnn, err) || (config.training && !create_gradients(p, dnn, err))
        || !create_layers(p, params, dnn, err)) {
        program_free(p);
        return false;
    }
    plan(p);
    *program = p;
    return true;
}

void program_free(Program *p)
{
    if (!p)
        return;
    for (Node n = 1; n < p->count; n++) {
        Layer *l = &p->layers[n];
        if (l->node)
            l->node->type->ops->destroy(l);
    }
    for (int i = 0; i < p->slot_count; i++)
        tensor_free(p->slots[i].tensor);
    free(p->slots);
    free(p->value_slot);
    free(p->has_grad);
    free(p->layers);
    free(p);
}

size_t program_arena_bytes(const Program *p)
{
    return p->arena_bytes;
}

bool program_place(Program *p, void *arena, Error *err)
{
    for (int i = 0; i < p->slot_count; i++) {
        if (!tensor_place(p->slots[i].tensor, (char *)arena + p->slots[i].offset, err))
            return false;
    }
    return true;
}

bool program_load_params(Program *p, Error *err)
{
    for (Node n = 1; n < p->count; n++) {
        Layer *l = &p->layers[n];
        const LayerOps *ops = l->node->type->ops;
        if (ops->load_params && !ops->load_params(l, err))
            return fail_in(err, "%s", l->node->name);
    }
    return true;
}

/* Add the time since *start to *sum and start anew; nothing where there is no profile. */
static void lap(const Profile *profile, double *start, double *sum)
{
    if (!profile)
        return;
    const double now = clock_seconds();
    *sum += now - *start;
    *start = now;
}

bool program_forward(Program *p, Profile *profile, Error *err)
{
    double start = profile ? clock_seconds() : 0;
    for (Node n = 1; n < p->count; n++) {
        Layer *l = &p->layers[n];
        if (!l->node->type->ops->forward(l, err))
            return fail_in(err, "%s", l->node->name);
        lap(profile, &start, profile ? &profile->nodes[n].forward : NULL);
    }
    const Tensor *last = value_of(p, p->count - 1);
    if (p->output != last)
        tensor_to_f32(p->output, last);
    return true;
}

static bool backward_layer(Layer *l, const Profile *profile, NodeTimes *times, Error *err)
{
    const LayerOps *ops = l->node->type->ops;
    double start = profile ? clock_seconds() : 0;
    if (ops->backward_begin) {
        if (!ops->backward_begin(l, err))
            return false;
        lap(profile, &start, &times->backward_begin);
    }
    if (ops->backward_weights) {
        if (!ops->backward_weights(l, err))
            return false;
        lap(profile, &start, &times->backward_weights);
    }
    bool wanted = false;
    for (int s = 0; s < l->node->src_count; s++)
        wanted |= l->diff_src[s] != NULL;
    if (wanted) {
        if (!ops->backward_data(l, err))
            return false;
        lap(profile, &start, &times->backward_data);
    }
    return true;
}

bool program_backward(Program *p, Profile *profile, Error *err)
{
    INVARIANT(p->config.training);
    NodeTimes ignored = {0};
    for (Node n = p->count - 1; n > 0; n--) {
        Layer *l = &p->layers[n];
        if (p->has_grad[n]
            && !backward_layer(l, profile, profile ? &profile->nodes[n] : &ignored, err))
            return fail_in(err, "%s", l->node->name);
    }
    return true;
}

void program_flush_grads(Program *p, Profile *profile)
{
    double start = profile ? clock_seconds() : 0;
    for (Node n = 1; n < p->count; n++) {
        Layer *l = &p->layers[n];
        const LayerOps *ops = l->node->type->ops;
        if (ops->flush_grads)
            ops->flush_grads(l);
    }
    lap(profile, &start, profile ? &profile->flush_grads : NULL);
}

void program_name_kernels(const Program *p, Node n, const char *names[3])
{
    const LayerOps *ops = n > 0 ? p->layers[n].node->type->ops : NULL;
    names[0] = names[1] = names[2] = NULL;
    if (ops && ops->name_kernels)
        ops->name_kernels(&p->layers[n], names);
}

Tensor *program_input(const Program *p)
{
    return value_of(p, 0);
}

Tensor *program_output(const Program *p)
{
    return p->output;
}

Tensor *program_diff_output(const Program *p)
{
    return p->diff_output;
}

Tensor *program_diff_input(const Program *p)
{
    return p->layers[0].diff_dst[0];
}
