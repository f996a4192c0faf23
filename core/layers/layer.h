/* core/layers/layer.h -- how a layer runs, once a graph is bound to a batch.
 *
 * A Layer is one node bound to memory: the tensors it reads and writes, its parameters in the
 * store, and whatever its file keeps in `state`. A file in this folder implements LayerOps;
 * core/net calls them:
 *
 *   create            once: make the primitives, with the kernels that core/autotune has for them;
 *                     absent where there are none
 *   load_params       whenever the parameters have changed: copy them into the kernels' layouts
 *   forward           src -> dst
 *   backward_begin    what must be done to diff_dst before the two that follow
 *   backward_weights  src, diff_dst -> gradients, added to those of this batch
 *   backward_data     diff_dst -> diff_src
 *   flush_grads       after the last part of a batch: gradients that were accumulated elsewhere ->
 *                     store
 *   commit            after a batch that was not given up: what it leaves behind besides gradients,
 *                     such as running statistics
 *   destroy           once, also after a `create` that failed; absent where nothing is held
 *
 * Every layer but fork has one diff_dst: each value is read by one node; where it has more readers,
 * a fork is inserted. Backward therefore always overwrites diff_src and never adds to it. Slices of
 * one value need no fork: they share one diff_src, of which each writes its part. Tensors are dense
 * unless the layer takes views: strided_src and strided_dst.
 */
#pragma once
#include "core/autotune/autotune.h"
#include "core/dnn/params.h"
#include "core/dnn/tensor.h"
#include "core/layers/shared.h"

/* What varies from run to run. Whatever is random depends on these numbers alone, by
 * core/base/numbers/philox.h: the backward pass can make it again, and no state has to be saved. */
typedef struct {
    uint64_t seed;      // of the training
    int64_t step;       // batches before this one
    int first_example;  // of the batch, in this part of it
    bool last_part;     // of the batch
} StepContext;

typedef struct Layer Layer;

struct Layer {
    const GraphNode *node;
    const Dnn *dnn;
    int batch;
    bool training;  // false: only forward will run
    bool synced;    // its statistics are those of several programs: see LayerSync

    Tensor *src[GRAPH_MAX_SRCS];
    Tensor *dst;
    Tensor *diff_src[GRAPH_MAX_SRCS];  // NULL where it is not needed
    Tensor *diff_dst[GRAPH_MAX_READERS];
    int diff_dst_count;
    const StepContext *step;  // of the run
    void *workspace;          // kept from forward to backward: see workspace_bytes; NULL without

    ParamStore *params;
    int first_param;  // index of the node's first parameter in the store

    Shared *shared;         // with the other layers of the net
    Autotune *autotune;     // which kernels to use; NULL: oneDNN's alone
    int kernels_of;         // kernels are those of a batch of so many; normally `batch`
    int runs_per_load;      // how often a layer runs until the parameters change, about
    bool (*go_on)(void *);  // asked while kernels are measured; NULL: always
    void *go_on_context;

    void *state;  // the layer file's own
};

/* What the parts of a batch, each computed by a program of its own, have measured. */
typedef struct {
    int parts;
    const int *examples;   // of each part; its numbers count for nothing where it has none
    const float *numbers;  // parts x LayerSync.count
} PartNumbers;

/* Of a layer whose results need statistics of the whole batch: the part's own are asked for, those
 * of all parts are given back, and then the step itself runs. */
typedef struct {
    size_t (*count)(const GraphNode *node);  // numbers of a part, in either direction
    void (*forward_numbers)(Layer *l, float *numbers);
    void (*set_forward)(Layer *l, const PartNumbers *all);
    void (*backward_numbers)(Layer *l, float *numbers);  // before backward_weights
    void (*set_backward)(Layer *l, const PartNumbers *all);
} LayerSync;

typedef struct LayerOps {
    bool (*create)(Layer *l, Error *err);       // NULL: nothing to make
    bool (*load_params)(Layer *l, Error *err);  // NULL: the layer has no parameters
    bool (*forward)(Layer *l, Error *err);
    bool (*backward_begin)(Layer *l, Error *err);  // NULL: nothing to do
    /* Gradients are set by the first part of a batch and added to by the others:
     * core/layers/grad_accumulators.h. NULL: the layer has no parameters. */
    bool (*backward_weights)(Layer *l, Error *err);
    bool (*backward_data)(Layer *l, Error *err);
    void (*flush_grads)(Layer *l);  // NULL: the store has them
    void (*commit)(Layer *l);       // NULL: nothing is left behind
    const LayerSync *sync;          // NULL: the examples of a batch are not coupled
    /* What computes forward, backward data and backward weights. NULL: no more than one way. */
    void (*name_kernels)(const Layer *l, const char *names[3]);
    void (*destroy)(Layer *l);
    /* Bytes that one example keeps from forward to backward in Layer.workspace. NULL: none. */
    size_t (*workspace_bytes)(const GraphNode *node);
    /* Whether src and diff_src may be views, parts of wider tensors; and dst and diff_dst. Unless a
     * layer says so it gets dense ones: core/dnn/tensor.h. */
    bool strided_src, strided_dst;
    bool sums_in_f32;  // dst can be float32 where src is bfloat16, and holds more then
} LayerOps;

enum { WEIGHTS, BIAS };  // indices of the parameters of a node that has both

/* The layer's i-th parameter, its numbers and its gradient. */
static inline const Param *layer_param(const Layer *l, int i)
{
    return &l->params->params[l->first_param + i];
}

static inline float *layer_values(const Layer *l, int i)
{
    return l->params->values + layer_param(l, i)->offset;
}

static inline float *layer_grads(const Layer *l, int i)
{
    return l->params->grads + layer_param(l, i)->offset;
}
