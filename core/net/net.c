#include "core/net/net_private.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/invariant.h"
#include "core/base/memory.h"
#include "core/base/slab.h"
#include "core/net/rewrites.h"

bool net_bf16_is_fast(void)
{
    const unsigned isa = dnnl_get_effective_cpu_isa(), needed = dnnl_cpu_isa_avx512_core_bf16;
    return (isa & needed) == needed;  // the levels are sets of bits
}

static bool fold(Net *net, const Graph *g, Error *err)
{
    if (net->config.without & REWRITE_NO_FOLD_BATCH_NORM)
        return true;
    if (!folded_new(g, net->params, &net->folded, err))
        return false;
    if (net->folded)
        net->evaluation = rewrite_all(folded_graph(net->folded), net->config.without);
    return true;
}

/* The graph has been rewritten, and its nodes kept their names and their order. */
static bool find_train_from(Net *net, Error *err)
{
    const char *name = net->config.train_from;
    net->config.train_from = NULL;  // borrowed for the call
    net->train_from = name ? graph_find(net->graph, name) : 0;
    return net->train_from != NODE_NONE
           || fail(err, ERR_INVALID, "there is no node %s to train from", name);
}

bool net_new(const Graph *g, ParamStore *params, NetConfig config, Net **result, Error *err)
{
    if (config.batch_size < 1)
        return fail(err, ERR_INVALID, "batch size must be 1 or more, got %d", config.batch_size);
    if (!graph_check(g, err))
        return false;
    Net *net = xcalloc(1, sizeof *net);
    net->params = params;
    net->config = config;
    const int threads = omp_get_max_threads(), given = config.micro_batch;
    net->micro_batches[false] =
        given > 0 ? given : net_evaluation_micro_batch(config.batch_size, threads);
    net->micro_batches[true] = given > 0 && !graph_couples_examples(g)
                                   ? given
                                   : net_default_micro_batch(g, config.batch_size, threads);
    net->graph = rewrite_all(g, config.without);
    net->classes = graph_shape(g, graph_output(g)).channels;
    net->image_count = shape_count(graph_shape(g, graph_input(g)));
    net->diff_logits =
        xcalloc((size_t)net->micro_batches[true] * (size_t)net->classes, sizeof *net->diff_logits);
    net->shared = shared_new();
    if (!find_train_from(net, err) || !dnn_new(&net->dnn, err) || !fold(net, g, err)) {
        net_free(net);
        return false;
    }
    *result = net;
    return true;
}

void net_free(Net *net)
{
    if (!net)
        return;
    for (int i = 0; i < net->bound_count; i++)
        program_free(net->bound[i].program);
    free(net->bound);
    for (int i = 0; i < NET_MAX_PARTS; i++)
        slab_free(net->arenas[i].memory, net->arenas[i].bytes);
    shared_free(net->shared);
    free(net->diff_logits);
    dnn_free(net->dnn);
    folded_free(net->folded);
    graph_free(net->evaluation);
    graph_free(net->graph);
    free(net);
}

void net_params_changed(Net *net)
{
    net->shared->version++;
}

bool net_prepare(Net *net, int64_t train_examples, int64_t test_examples, Error *err)
{
    const int64_t examples[] = {test_examples, train_examples};
    for (int training = 1; training >= 0; training--) {
        int sizes[NET_MAX_PART_SIZES];
        const int count = net_part_sizes(examples[training], net->config.batch_size,
                                         net->micro_batches[training], sizes);
        for (int i = 0; i < count; i++) {
            if (!net_program(net, sizes[i], training, 0, err))
                return false;
        }
    }
    return true;
}

/* A part of a batch. */
typedef struct {
    const NetBatch *batch;
    int first, count;  // examples
    bool training;
} Part;

/* The part that follows `p`; the first one, which follows an empty one. None if its count is 0. */
static Part next_part(const Net *net, Part p)
{
    p.first += p.count;
    const int left = p.batch->count - p.first, most = net->micro_batches[p.training];
    p.count = left < most ? left : most;
    return p;
}

/* Run forward on a part. NULL on failure. */
static Program *run_forward(Net *net, Part part, Error *err)
{
    Program *p = net_program(net, part.count, part.training, 0, err);
    if (!p)
        return NULL;
    const NetBatch *b = part.batch;
    const double start = clock_seconds();
    tensor_write_nchw(program_input(p), b->images + (size_t)part.first * net->image_count);
    if (net->profile)
        net->profile->input += clock_seconds() - start;
    const StepContext step = {.seed = b->seed,
                              .step = b->step,
                              .first_example = b->first + part.first,
                              .last_part = part.first + part.count == b->count};
    // It has the nodes of the graph that trains.
    Profile *profile = part.training || !net->folded ? net->profile : NULL;
    return program_forward(p, step, profile, err) ? p : net_no_program(net, p, err);
}

/* Whether to go on with the part that starts at example `first` of a batch. */
static bool goes_on(const Net *net, int first, Error *err)
{
    const NetConfig *c = &net->config;
    return first == 0 || !c->go_on || c->go_on(c->go_on_context)
           || fail(err, ERR_STOPPED, "stopped within a batch");
}

void net_each_gradient(const Net *net, Node n, NetGradient *told, void *context)
{
    const GraphNode *node = graph_node(net->graph, n);
    for (int i = 0; i < node->spec.param_count; i++) {
        const ParamSpec *spec = &node->spec.params[i];
        if (!role_is_trained(spec->role))
            continue;
        size_t count = 1;  // those of merged siblings, which follow one another, included
        for (int d = 0; d < spec->dim_count; d++)
            count *= (size_t)spec->dims[d];
        char *name = xasprintf("%s.%s", node->name, spec->name);
        told(context, params_find(net->params, name)->offset, count);
        free(name);
    }
}

/* The last part of a batch has been through node n: its gradients are complete, once what each
 * program has accumulated is in the store. */
static void finish_grads(void *context, Node n)
{
    Net *net = context;
    const double start = clock_seconds();
    for (int i = 0; i < net->bound_count; i++) {
        if (net->bound[i].training)
            program_flush_grads(net->bound[i].program, n);
    }
    if (net->profile)
        net->profile->flush_grads += clock_seconds() - start;
    if (net->config.grads_ready)
        net_each_gradient(net, n, net->config.grads_ready, net->config.grads_ready_context);
}

SoftmaxLoss net_loss_of(const Net *net, const NetBatch *b, int first)
{
    const double *weights = net->config.class_weights;
    const int32_t *mixed = b->mixed_labels ? b->mixed_labels : b->labels;
    const double given = b->weight_scale;
    return (SoftmaxLoss){
        .classes = net->classes,
        .smoothing = net->config.label_smoothing,
        .scale = 1.0 / b->count,
        .mixed_labels = b->mixed_labels ? b->mixed_labels + first : NULL,
        .share = b->share,
        .class_weights = weights,
        .weight_scale = given > 0 ? given : softmax_weight_scale(weights, b->labels, b->count),
        .mixed_scale = given > 0 ? given : softmax_weight_scale(weights, mixed, b->count)};
}

static bool train_part(Net *net, Part part, Metrics *sum, Error *err)
{
    const NetBatch *b = part.batch;
    const SoftmaxLoss how = net_loss_of(net, b, part.first);
    Trace *trace = net->config.trace;
    double begun = trace_begin(trace);
    Program *p = run_forward(net, part, err);
    if (!p)
        return false;
    const double start = clock_seconds();
    softmax_loss(&how, program_output(p)->data, b->labels + part.first, part.count,
                 net->diff_logits, sum);
    tensor_write_nchw(program_diff_output(p), net->diff_logits);
    if (net->profile)
        net->profile->loss += clock_seconds() - start;
    trace_end(trace, TRACE_FORWARD, begun);
    begun = trace_begin(trace);
    const bool last = part.first + part.count == b->count;
    if (!program_backward(p, last ? finish_grads : NULL, net, net->profile, err))
        return net_no_program(net, p, err) != NULL;
    trace_end(trace, TRACE_BACKWARD, begun);
    if (last)
        program_commit(p);
    if (last && graph_couples_examples(net->graph))
        net_params_changed(net);  // the running statistics
    return true;
}

bool net_train_batch(Net *net, const NetBatch *batch, Metrics *sum, Error *err)
{
    INVARIANT(!net->config.synced);
    grad_accumulators_begin(net->shared->grads);
    Part p = {.batch = batch, .training = true};
    while ((p = next_part(net, p)).count > 0) {
        if (!goes_on(net, p.first, err) || !train_part(net, p, sum, err))
            return false;
    }
    return true;
}

static void copy_logits(const Net *net, const Program *p, Part part, float *logits)
{
    const size_t count = shape_count(graph_shape(net->graph, graph_output(net->graph)));
    tensor_read_nchw(program_output(p), logits + (size_t)part.first * count);
}

bool net_evaluate_batch(Net *net, const NetBatch *batch, Metrics *sum, Error *err)
{
    SoftmaxLoss how = {.classes = net->classes};
    Part part = {.batch = batch};
    while ((part = next_part(net, part)).count > 0) {
        Program *p = goes_on(net, part.first, err) ? run_forward(net, part, err) : NULL;
        if (!p)
            return false;
        how.losses = batch->losses ? batch->losses + part.first : NULL;
        softmax_loss(&how, program_output(p)->data, batch->labels + part.first, part.count, NULL,
                     sum);
        if (batch->logits)
            copy_logits(net, p, part, batch->logits);
    }
    return true;
}

bool net_forward(Net *net, const float *images, int count, float *logits, Error *err)
{
    const NetBatch batch = {.images = images, .count = count};
    Part part = {.batch = &batch};
    while ((part = next_part(net, part)).count > 0) {
        Program *p = run_forward(net, part, err);
        if (!p)
            return false;
        copy_logits(net, p, part, logits);
    }
    return true;
}

void net_set_profile(Net *net, Profile *profile)
{
    net->profile = profile;
}

const Graph *net_graph(const Net *net)
{
    return net->graph;
}

void net_name_kernels(const Net *net, Node n, const char *names[3])
{
    names[0] = names[1] = names[2] = NULL;
    for (int i = 0; i < net->bound_count; i++) {
        if (net->bound[i].training) {
            program_name_kernels(net->bound[i].program, n, names);
            return;
        }
    }
}

int net_micro_batch(const Net *net)
{
    return net->micro_batches[true];
}

size_t net_arena_bytes(const Net *net)
{
    size_t bytes = 0;
    for (int i = 0; i < NET_MAX_PARTS; i++)
        bytes += net->arenas[i].bytes;
    return bytes;
}
