/* core/layers/grad_accumulators.h -- the gradients of a batch while its micro-batches add up.
 *
 * They belong to the net: its programs (for a whole micro-batch, for the rest of a batch) add to
 * the same ones, whichever kernels they use. A kernel that computes gradients in a layout of its
 * own adds to an accumulator, which is flushed to the store at the end of the batch. One that
 * computes plain gradients writes to the store at once: the first part of the batch sets them, the
 * others add. grad_accumulators_add says which, for both.
 *
 * Errors   ERR_NO_MEMORY.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

typedef struct GradAccumulators GradAccumulators;

/* What tells accumulators apart, and what they hold. */
typedef struct {
    const float *grads;  // the weights' gradient in the store
    const void *layout;  // identifies the layout; the address of anything will do
    size_t weights;      // numbers
    size_t biases;
} GradAccumulatorKey;

/* Gradients of a layer's weights, in the layout of a kernel, and of its bias. */
typedef struct {
    GradAccumulatorKey key;
    float *weights;  // 64-byte aligned
    float *bias;     // behind them
    size_t bytes;    // of both
    bool started;    // they hold a part of this batch
    int users;
} GradAccumulator;

GradAccumulators *grad_accumulators_new(void);
void grad_accumulators_free(GradAccumulators *g);  // takes NULL; no kernel may use it any more

/* A new batch: whatever was accumulated before is dropped. */
void grad_accumulators_begin(GradAccumulators *g);

/* Whether `grads`, a gradient in the store, must be added to: it holds a part of this batch
 * already. From then on it does. */
bool grad_accumulators_add(GradAccumulators *g, const float *grads);

/* The accumulator of that key, which others may use as well. NULL on failure. */
GradAccumulator *grad_accumulator_get(GradAccumulators *g, GradAccumulatorKey key, Error *err);
void grad_accumulator_release(GradAccumulators *g, GradAccumulator *a);  // takes NULL

/* Before a part of a batch is added: the first finds zeros. */
void grad_accumulator_start(GradAccumulator *a);

/* At the end of a batch: false if there is nothing to flush. On true, this call has flushed the
 * bias, if there is one, and the caller flushes the weights. */
bool grad_accumulator_flush(GradAccumulators *g, GradAccumulator *a, float *bias_grads);
