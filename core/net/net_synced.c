/* DESIGN  Programs of the parts run side by side, from one node that needs the batch's statistics
 * to the next: there each part's numbers are shared, and all parts go on with the same sums. Which
 * nodes these are is known from the graph alone, so that whoever computes no part of a batch takes
 * part in sharing all the same. The store has room for one gradient: a part's is handed on before
 * the next part writes its own. */
#include <stdlib.h>

#include "core/base/invariant.h"
#include "core/base/memory.h"
#include "core/net/net_private.h"

typedef struct {
    Net *net;
    const NetBatch *batch;
    const NetParts *parts;
    Program *programs[NET_MAX_PARTS];  // NULL: computed elsewhere, or without examples
    int examples[NET_MAX_PARTS];
    int part;  // whose gradients become complete
} SyncedStep;

static bool is_synced(const SyncedStep *r, Node n)
{
    return graph_node(r->net->graph, n)->type->ops->sync && n >= r->net->train_from;
}

/* Exchange the numbers of node n before it runs. */
static void sync(const SyncedStep *r, Node n, bool backward)
{
    const GraphNode *node = graph_node(r->net->graph, n);
    const LayerSync *ops = node->type->ops->sync;
    const size_t each = ops->count(node);
    float *numbers = xcalloc((size_t)r->parts->count * each, sizeof *numbers);
    const PartNumbers all = {r->parts->count, r->examples, numbers};
    for (int p = r->parts->first; p < r->parts->end; p++) {
        Layer *l = r->programs[p] ? program_layer(r->programs[p], n) : NULL;
        INVARIANT(!l || l->synced);
        if (l)
            (backward ? ops->backward_numbers : ops->forward_numbers)(l,
                                                                      numbers + each * (size_t)p);
    }
    r->parts->share(r->parts->context, numbers, each);
    for (int p = r->parts->first; p < r->parts->end; p++)
        if (r->programs[p])
            (backward ? ops->set_backward : ops->set_forward)(program_layer(r->programs[p], n),
                                                              &all);
    free(numbers);
}

static bool forward(const SyncedStep *r, Error *err)
{
    const Node nodes = graph_node_count(r->net->graph);
    for (Node first = 1, end; first < nodes; first = end) {
        if (is_synced(r, first))
            sync(r, first, false);
        for (end = first + 1; end < nodes && !is_synced(r, end); end++)
            ;
        for (int p = r->parts->first; p < r->parts->end; p++)
            if (r->programs[p]
                && !program_forward_nodes(r->programs[p], first, end, r->net->profile, err))
                return false;
    }
    return true;
}

static void ready(void *context, size_t first, size_t count)
{
    const SyncedStep *r = context;
    r->parts->grads_ready(r->parts->context, r->part, first, count);
}

/* The part has been through node n. */
static void finish_grads(void *context, Node n)
{
    SyncedStep *r = context;
    program_flush_grads(r->programs[r->part], n);
    net_each_gradient(r->net, n, ready, r);
}

static bool backward(SyncedStep *r, Error *err)
{
    for (Node last = graph_node_count(r->net->graph) - 1, first; last > 0; last = first - 1) {
        if (is_synced(r, last))
            sync(r, last, true);
        for (first = last; first > 1 && !is_synced(r, first - 1); first--)
            ;
        for (r->part = r->parts->first; r->part < r->parts->end; r->part++) {
            grad_accumulators_begin(r->net->shared->grads);
            if (r->programs[r->part]
                && !program_backward_nodes(r->programs[r->part], last, first, finish_grads, r,
                                           r->net->profile, err))
                return false;
        }
    }
    return true;
}

/* Programs first: one that is made may move the memory of another. */
static bool begin(SyncedStep *r, Error *err)
{
    const NetBatch *b = r->batch;
    for (int p = 0; p < r->parts->count; p++) {
        const bool here = p >= r->parts->first && p < r->parts->end;
        r->examples[p] = r->parts->begin[p + 1] - r->parts->begin[p];
        if (here && r->examples[p] > 0
            && !(r->programs[p] =
                     net_program(r->net, r->examples[p], true, p - r->parts->first, err)))
            return false;
    }
    for (int p = r->parts->first; p < r->parts->end; p++) {
        const int first = r->parts->begin[p];
        const StepContext step = {
            .seed = b->seed, .step = b->step, .first_example = b->first + first, .last_part = true};
        if (!r->programs[p])
            continue;
        program_begin(r->programs[p], step);
        tensor_write_nchw(program_input(r->programs[p]),
                          b->images + (size_t)first * r->net->image_count);
    }
    return true;
}

/* Of a part, with the scale of the whole batch. */
static void loss(const SyncedStep *r, int part, Metrics *sum)
{
    const Net *net = r->net;
    const NetBatch *b = r->batch;
    const int first = r->parts->begin[part];
    Program *p = r->programs[part];
    const SoftmaxLoss how = net_loss_of(net, b, first);
    program_end_forward(p);
    softmax_loss(&how, program_output(p)->data, b->labels + first, r->examples[part],
                 net->diff_logits, sum);
    tensor_write_nchw(program_diff_output(p), net->diff_logits);
}

bool net_train_parts(Net *net, const NetBatch *batch, const NetParts *parts, Metrics *sums,
                     Error *err)
{
    INVARIANT(net->config.synced && parts->count <= NET_MAX_PARTS);
    SyncedStep r = {.net = net, .batch = batch, .parts = parts};
    Trace *trace = net->config.trace;
    double start = trace_begin(trace);
    if (!begin(&r, err) || !forward(&r, err))
        return false;
    for (int p = parts->first; p < parts->end; p++)
        if (r.programs[p])
            loss(&r, p, &sums[p]);
    trace_end(trace, TRACE_FORWARD, start);
    start = trace_begin(trace);
    if (!backward(&r, err))
        return false;
    trace_end(trace, TRACE_BACKWARD, start);
    // All parts have the same statistics.
    for (int p = parts->first; p < parts->end; p++) {
        if (r.programs[p]) {
            program_commit(r.programs[p]);
            break;
        }
    }
    net_params_changed(net);
    return true;
}
