/* core/net/memory_estimate.h -- how much memory a training will take, from its graph alone.
 *
 * No Net is built and no library called, so any thread may ask, before anything starts. The parts
 * follow core/net/net.c: feature maps and gradients by lifetime for one micro-batch; for each
 * program (micro-batches and their rests, training and evaluation) the packed parameters; batches
 * made ahead. `base`, the code that oneDNN generates and its scratch, is a measured constant and a
 * share; tests hold the sum against what trainings really take.
 */
#pragma once
#include "core/graph/graph.h"

typedef struct {
    int batch_size;
    int threads;  // of the OpenMP team
    bool bf16;
    const char *train_from;  // see NetConfig; NULL: all is trained
    int extra_arrays;  // of a number for each parameter: what the optimizer keeps, averages, sums
    // Examples that are used; none may be held out.
    int64_t train_count, validation_count, test_count;
    size_t dataset_bytes;  // of images and labels that stay in memory; mapped ones do not
} MemoryQuestion;

/* In bytes. */
typedef struct {
    size_t parameters;    // values, gradients, extra arrays
    size_t programs;      // packed copies of them
    size_t feature_maps;  // and their gradients
    size_t batches;       // of the loaders
    size_t dataset;
    size_t base;
} MemoryEstimate;

/* `g` as a model made it, before any rewrite, and without fault. */
MemoryEstimate memory_estimate(const Graph *g, const MemoryQuestion *question);
size_t memory_estimate_total(const MemoryEstimate *e);

/* Of a net that only evaluates, `batch` examples at a time and at the end those that are left: what
 * it takes beside the values of its parameters, which are there already. */
MemoryEstimate memory_estimate_forward(const Graph *g, int batch, bool bf16);
