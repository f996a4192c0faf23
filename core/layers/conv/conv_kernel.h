/* core/layers/conv/conv_kernel.h -- the kernels that compute convolutions, and what they work on.
 *
 * A kernel computes one or more directions of some problems. All of them, oneDNN's too, are rows of
 * one table: core/layers/conv/conv_kernels.c. A new one is a row there and, unless it is another
 * variant of what is there already, a file with its ConvKernelOps.
 */
#pragma once
#include "core/dnn/tensor.h"
#include "core/kernels/conv/conv_problem.h"
#include "core/layers/shared.h"

/* One direction of one convolution, with its tensors and parameters. Kernels borrow it for as long
 * as their state lives. */
typedef struct {
    ConvProblem problem;
    const Dnn *dnn;
    Shared *shared;
    bool training;  // false: no backward pass will follow
    // Those that the direction reads and writes; they may be placed in memory later.
    Tensor *src, *dst, *diff_src, *diff_dst;
    const float *weights, *bias;      // in the store; no bias: NULL
    float *weights_grad, *bias_grad;  // backward weights
} ConvTask;

typedef struct ConvKernel ConvKernel;

typedef struct {
    /* Whether it computes this problem on this CPU. */
    bool (*supports)(const ConvKernel *k, const ConvProblem *p);
    /* Whatever *state is afterwards, `destroy` takes it, also on failure. */
    bool (*create)(const ConvKernel *k, const ConvTask *task, void **state, Error *err);
    /* Forward and backward data: pack the weights if they have changed, or if `again`. */
    bool (*load_params)(void *state, bool again, Error *err);
    /* Backward weights: add to the gradients of this batch; see core/layers/grad_accumulators.h. */
    bool (*run)(void *state, Error *err);
    /* Backward weights: flush what was accumulated elsewhere to the store. NULL: it is there. */
    void (*flush)(void *state);
    void (*destroy)(void *state);  // takes NULL
} ConvKernelOps;

struct ConvKernel {
    const char *name;  // in records, caches and the bench; no two rows share one
    const ConvKernelOps *ops;
    int variant;  // for `ops`
    bool amx;     // products by the CPU's matrix tiles
};

typedef struct {
    const ConvKernel *rows;
    int count;
} ConvKernelTable;

/* Every kernel. The first row is oneDNN's, which computes all but what conv_onednn.c says. */
extern const ConvKernelTable CONV_KERNELS;

/* The row of that name if it supports the problem, else NULL. */
const ConvKernel *conv_kernel_find(const ConvKernelTable *table, const char *name,
                                   const ConvProblem *p);

/* The first row that supports the problem, which is oneDNN's wherever that does. NULL: ERR_DNN. */
const ConvKernel *conv_kernel_first(const ConvKernelTable *table, const ConvProblem *p, Error *err);

/* Each in the file of its name: conv_onednn.c and so on. */
extern const ConvKernelOps CONV_ONEDNN;
extern const ConvKernelOps CONV_WINOGRAD;  // variant: a WinogradVariant
extern const ConvKernelOps CONV_IM2COL;
