#include "core/net/program.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/invariant.h"
#include "core/base/memory.h"
#include "core/net/memory_plan.h"

/* DESIGN. MemoryPlan says which blocks of memory there are; each that holds numbers becomes a
 * tensor, and layers are bound to those by node. */

struct Program {
    const Graph *graph;
    ProgramConfig config;
    int count;      // nodes; the input is node 0 and has no layer
    Layer *layers;  // by node
    MemoryPlan *plan;
    StepContext step;  // of the run; layers read it
    Tensor **tensors;  // by block of the plan; NULL for a workspace. Owned
};

static Tensor *value_of(const Program *p, Node n)
{
    return p->tensors[p->plan->value[n]];
}

static bool create_tensors(Program *p, const Dnn *dnn, Error *err)
{
    for (int i = 0; i < p->plan->count; i++) {
        const PlanBlock *b = &p->plan->blocks[i];
        if (b->kind == PLAN_WORKSPACE)
            continue;
        Tensor **t = &p->tensors[i];
        const PlanBlock *whole = b->part_of >= 0 ? &p->plan->blocks[b->part_of] : b;
        if (!tensor_new_strided(dnn, graph_shape(p->graph, b->node),
                                graph_shape(p->graph, whole->node).channels, p->config.batch,
                                b->bf16 ? dnnl_bf16 : dnnl_f32, t, err))
            return false;
        INVARIANT(b->part_of >= 0 || (*t)->bytes == b->bytes);
        Layer *l = &p->layers[b->node];
        if (b->kind == PLAN_GRADIENT) {
            INVARIANT(l->diff_dst_count < GRAPH_MAX_READERS);
            l->diff_dst[l->diff_dst_count++] = *t;
        }
    }
    return true;
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

/* A node that has no backward pass runs as in evaluation. What is nothing there, dropout, is left
 * as it is in training: what reads it is trained. */
static bool runs_as_in_training(const Program *p, Node n)
{
    return p->config.training
           && (p->plan->has_grad[n] || graph_node(p->graph, n)->spec.evaluates_to_src);
}

static bool create_layers(Program *p, ParamStore *params, const Dnn *dnn, Error *err)
{
    for (Node n = 1; n < p->count; n++) {
        Layer *l = &p->layers[n];
        l->node = graph_node(p->graph, n);
        l->dnn = dnn;
        l->batch = p->config.batch;
        l->training = runs_as_in_training(p, n);
        l->synced = p->config.synced && l->training && l->node->type->ops->sync;
        for (int s = 0; s < l->node->src_count; s++) {
            const int block = p->plan->diff_src[n * GRAPH_MAX_SRCS + s];
            l->src[s] = value_of(p, l->node->srcs[s]);
            l->diff_src[s] = block >= 0 ? p->tensors[block] : NULL;
        }
        l->dst = value_of(p, n);
        l->step = &p->step;
        l->params = params;
        l->first_param = first_param(params, l->node);
        l->shared = p->config.shared;
        l->autotune = p->config.autotune;
        l->go_on = p->config.go_on;
        l->go_on_context = p->config.go_on_context;
        l->kernels_of = p->config.kernels_of > 0 ? p->config.kernels_of : l->batch;
        l->runs_per_load = p->config.runs_per_load > 0 ? p->config.runs_per_load : 1;
        if (l->node->type->ops->create && !l->node->type->ops->create(l, err))
            return fail_in(err, "%s", l->node->name);
    }
    return true;
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
    p->plan = memory_plan_new(g, (MemoryPlanConfig){.batch = config.batch,
                                                    .training = config.training,
                                                    .bf16 = config.type == dnnl_bf16,
                                                    .diff_input = config.diff_input,
                                                    .views = config.views,
                                                    .keep_all = config.keep_all,
                                                    .train_from = config.train_from});
    p->tensors = xcalloc((size_t)p->plan->count, sizeof(Tensor *));
    if (!create_tensors(p, dnn, err) || !create_layers(p, params, dnn, err)) {
        program_free(p);
        return false;
    }
    *program = p;
    return true;
}

void program_free(Program *p)
{
    if (!p)
        return;
    for (Node n = 1; n < p->count; n++) {
        Layer *l = &p->layers[n];
        if (l->node && l->node->type->ops->destroy)
            l->node->type->ops->destroy(l);
    }
    for (int i = 0; i < p->plan->count; i++)
        tensor_free(p->tensors[i]);
    free(p->tensors);
    memory_plan_free(p->plan);
    free(p->layers);
    free(p);
}

size_t program_arena_bytes(const Program *p)
{
    return p->plan->bytes;
}

bool program_place(Program *p, void *arena, Error *err)
{
    for (int i = 0; i < p->plan->count; i++) {
        const PlanBlock *b = &p->plan->blocks[i];
        void *at = (char *)arena + b->offset;
        if (b->kind == PLAN_WORKSPACE)
            p->layers[b->node].workspace = at;
        else if (!tensor_place(p->tensors[i], at, err))
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

void program_begin(Program *p, StepContext step)
{
    p->step = step;
}

bool program_forward_nodes(Program *p, Node first, Node end, Profile *profile, Error *err)
{
    double start = profile ? clock_seconds() : 0;
    for (Node n = first; n < end; n++) {
        Layer *l = &p->layers[n];
        if (!l->node->type->ops->forward(l, err))
            return fail_in(err, "%s", l->node->name);
        lap(profile, &start, profile ? &profile->nodes[n].forward : NULL);
    }
    return true;
}

void program_end_forward(Program *p)
{
    const Tensor *last = value_of(p, p->count - 1);
    if (program_output(p) != last)
        tensor_to_f32(program_output(p), last);
}

bool program_forward(Program *p, StepContext step, Profile *profile, Error *err)
{
    program_begin(p, step);
    if (!program_forward_nodes(p, 1, p->count, profile, err))
        return false;
    program_end_forward(p);
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

bool program_backward_nodes(Program *p, Node last, Node first, ProgramNodeDone done, void *context,
                            Profile *profile, Error *err)
{
    INVARIANT(p->config.training);
    NodeTimes ignored = {0};
    for (Node n = last; n >= first; n--) {
        Layer *l = &p->layers[n];
        if (p->plan->has_grad[n]
            && !backward_layer(l, profile, profile ? &profile->nodes[n] : &ignored, err))
            return fail_in(err, "%s", l->node->name);
        if (done)
            done(context, n);
    }
    return true;
}

bool program_backward(Program *p, ProgramNodeDone done, void *context, Profile *profile, Error *err)
{
    return program_backward_nodes(p, p->count - 1, 1, done, context, profile, err);
}

Layer *program_layer(Program *p, Node n)
{
    return &p->layers[n];
}

void program_flush_grads(Program *p, Node n)
{
    Layer *l = &p->layers[n];
    if (l->node->type->ops->flush_grads)
        l->node->type->ops->flush_grads(l);
}

void program_commit(Program *p)
{
    for (Node n = 1; n < p->count; n++) {
        Layer *l = &p->layers[n];
        if (l->training && l->node->type->ops->commit)
            l->node->type->ops->commit(l);
    }
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
    return p->tensors[p->plan->output];
}

Tensor *program_diff_output(const Program *p)
{
    return p->plan->diff_output >= 0 ? p->tensors[p->plan->diff_output] : NULL;
}

Tensor *program_diff_input(const Program *p)
{
    return p->layers[0].diff_dst[0];
}
