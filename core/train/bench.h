/* core/train/bench.h -- times a training step, and each layer and part of it.
 *
 * Real arithmetic on random images: forward, loss, backward and update, as a training does them.
 * First whole steps are timed, then as many again with a clock around each layer. Times are means
 * over the steps in milliseconds per batch; step_ms is the median.
 */
#pragma once
#include "core/autotune/autotune.h"
#include "core/models/models.h"
#include "core/train/precision.h"

typedef struct {
    const Model *model;
    Shape image;
    int classes;
    int batch_size;
    int micro_batch;  // 0: as a training chooses it
    Precision precision;
    int threads;        // 0: as many as the team may have
    int steps;          // timed ones, after two to warm up
    bool library_only;  // oneDNN's kernels alone
    unsigned without;   // rewrites left out: REWRITE_NO_... of core/net/rewrites.h
} BenchConfig;

typedef struct {
    char name[GRAPH_MAX_NAME];
    const char *type;  // "conv"
    Shape dst;
    double gflop;  // of one direction, for the whole batch
    double forward_ms;
    double backward_data_ms;
    double backward_weights_ms;
    double other_ms;                   // backward_begin: ReLU masks and the like
    char kernels[3][AUTOTUNE_KERNEL];  // by direction; "" where there is but one
} BenchLayer;

typedef struct {
    BenchLayer *layers;
    int layer_count;
    int threads, micro_batch;
    Precision precision;  // that auto resolved to
    double step_ms;       // the median of the whole steps
    double fastest_step_ms;
    double step_cpu_ms;      // of all threads together, the median
    double evaluate_ms;      // forward alone, of as many examples; the fastest, as the next
    double evaluate_cpu_ms;  // ... of all threads together: less is lost to other processes
    double gflop;            // of a step: three directions, but for the input's gradient
    double ceiling_gflops;
    // Parts of the step outside the layers.
    double input_ms, load_params_ms, loss_ms, flush_grads_ms, update_ms;
    double first_step_ms;  // includes making and measuring kernels
} BenchResult;

/* Errors   ERR_INVALID, ERR_DNN, ERR_NO_MEMORY, as core/net/net.h. */
bool bench_run(const BenchConfig *config, BenchResult *result, Error *err);
void bench_result_free(BenchResult *result);
