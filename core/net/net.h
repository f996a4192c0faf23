/* core/net/net.h -- a network that runs: batches in, metrics and gradients out.
 *
 *   net_new -> net_prepare
 *           -> (net_train_batch -> an update of params -> net_params_changed)*
 *           -> net_evaluate_batch -> net_free
 *
 * A batch is cut into micro-batches whose feature maps stay in cache; their gradients are added up,
 * so the result is that of the whole batch. Where a layer couples the examples of a batch, as batch
 * normalisation does, the whole batch is one part. A Net, with all calls on it, stays on the thread
 * that made it.
 *
 * Shapes   images N x C x H x W, float32, plain; labels N; logits N x classes.
 * Errors   ERR_DNN, ERR_NO_MEMORY (the message says how much was needed), ERR_STOPPED (go_on said
 *          no: the batch is left half done, and the next one starts without it).
 */
#pragma once
#include <stdint.h>

#include "core/autotune/autotune.h"
#include "core/base/metrics.h"
#include "core/base/trace.h"
#include "core/dnn/params.h"
#include "core/net/parts.h"
#include "core/net/profile.h"

typedef struct Net Net;

enum { NET_MAX_PARTS = 64 };  // of net_train_parts

/* Whether the CPU has instructions for bfloat16, so that it is faster than float32, not slower. */
bool net_bf16_is_fast(void);

typedef struct {
    int batch_size;          // the largest batch that will come
    int micro_batch;         // examples at a time; 0, or where examples are coupled:
                             // net_default_micro_batch
    bool bf16;               // bfloat16 feature maps and gradients between layers; else float32
    double label_smoothing;  // of the training loss
    /* (classes), borrowed: what an example counts for in the training loss, whose mean over a batch
     * is then a weighted one; NULL: 1 each. */
    const double *class_weights;
    /* Name of the first node that is trained; those before it are frozen: they run as in
     * evaluation, batch norms with their running statistics, and have no backward pass; what they
     * have of gradients in the store stays as it is. Dropout goes on. NULL: all are trained. */
    const char *train_from;
    unsigned without;       // rewrites left out: REWRITE_NO_... of core/net/rewrites.h
    bool (*go_on)(void *);  // asked between two micro-batches; NULL: always
    void *go_on_context;
    bool synced;  // batches are trained on by net_train_parts alone
    /* While the backward pass of a batch's last part goes on: numbers [first, first + count) of
     * ParamStore.grads are those of the whole batch. Each is reported once. NULL: nobody asks. */
    void (*grads_ready)(void *context, size_t first, size_t count);
    void *grads_ready_context;
    Trace *trace;        // gets spans of forward and backward passes, borrowed; NULL: none
    Autotune *autotune;  // which kernels to use, borrowed; NULL: oneDNN's alone
    /* Every part, however small, runs the kernels of a part of so many examples: then what an
     * example gives is the same bits whatever is computed beside it. 0: those of its own size,
     * which may be faster. */
    int kernels_of;
} NetConfig;

/* Keeps `params`, which must come from the same graph, and writes their gradients. ERR_INVALID:
 * there is no node train_from. */
bool net_new(const Graph *g, ParamStore *params, NetConfig config, Net **net, Error *err);
void net_free(Net *net);  // takes NULL

/* Make everything that training on so many examples and evaluating on so many will need: programs,
 * memory, and a kernel for every problem, measured where config.autotune does not know one. Later
 * calls measure nothing then. Takes seconds for a large net. ERR_STOPPED: config.go_on said no;
 * what was measured so far is kept. */
bool net_prepare(Net *net, int64_t train_examples, int64_t test_examples, Error *err);

/* The parameters' values were changed from outside. */
void net_params_changed(Net *net);

/* A batch, borrowed for the call. */
typedef struct {
    const float *images;
    const int32_t *labels;
    const int32_t *mixed_labels;  // of what mixup has mixed into the images; NULL: nothing
    double share;                 // of `labels` then
    int count;
    uint64_t seed;  // of what is random in the net, with `step`
    int64_t step;   // batches of this training before it
    int first;      // place of its first example, where it is a part of a larger batch
    /* What NetConfig.class_weights are multiplied by, where the weighted mean is one over a larger
     * batch: softmax_weight_scale of that, whose mixed labels are its labels in another order; 0:
     * the mean is over this batch, of mixed labels over theirs. */
    double weight_scale;
    float *logits;   // set by net_evaluate_batch; NULL: not asked
    double *losses;  // (N), likewise
} NetBatch;

/* Forward, loss and backward: sets the gradients of the mean loss over the batch and adds losses
 * and hits to *sum; with class weights, batch->count times the weighted mean. Running statistics
 * change when all of it has succeeded. */
bool net_train_batch(Net *net, const NetBatch *batch, Metrics *sum, Error *err);
/* A batch whose parts are computed apart, here and by others, but for the statistics that couple
 * its examples: those are of the whole batch. Part p has examples [begin[p], begin[p + 1]), perhaps
 * none; parts [first, end) are computed here, side by side, with memory for the feature maps of all
 * of them. */
typedef struct {
    int count, first, end;
    const int *begin;  // (count + 1)
    /* Of `numbers`, count x `each`, those of parts [first, end) are here: get the others'. */
    void (*share)(void *context, float *numbers, size_t each);
    /* ParamStore.grads has numbers [first, first + count) of this part's gradient of the mean loss
     * over the whole batch: the sum over parts is the batch's. Parts and ranges come in the same
     * order wherever a part is computed; parts without examples are not told of. */
    void (*grads_ready)(void *context, int part, size_t first, size_t count);
    void *context;
} NetParts;

/* As net_train_batch, with losses and hits added to sums[p] of the parts computed here. Running
 * statistics change where a part is computed. */
bool net_train_parts(Net *net, const NetBatch *batch, const NetParts *parts, Metrics *sums,
                     Error *err);
/* Forward and loss, without label smoothing and class weights. */
bool net_evaluate_batch(Net *net, const NetBatch *batch, Metrics *sum, Error *err);
/* Forward alone. Of a graph whose output has a height and a width, logits are N x C x H x W. */
bool net_forward(Net *net, const float *images, int count, float *logits, Error *err);

/* Add times to *profile from now on; NULL ends it. profile->nodes has an entry for each node of
 * net_graph. */
void net_set_profile(Net *net, Profile *profile);
const Graph *net_graph(const Net *net);  // after the rewrites
/* What computes forward, backward data and backward weights of a node of net_graph, after the first
 * training batch; NULL where there is but one way. */
void net_name_kernels(const Net *net, Node n, const char *names[3]);
int net_micro_batch(const Net *net);
size_t net_arena_bytes(const Net *net);
