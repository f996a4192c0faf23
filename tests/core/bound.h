/* tests/core/bound.h -- a graph made ready to run, with plain arrays in and out, and its gradients
 * checked.
 *
 *   Bound *b = bound_new(g, (BoundConfig){.batch = 3, .seed = 1});   // takes the graph
 *   bound_forward(b);  // then check b->dst against a naive loop over b->src and bound_values()
 *   assert_true(bound_gradient_error(b, 1e-2) < 1e-2);
 */
#pragma once
#include "core/net/program.h"

typedef struct {
    Graph *graph;  // with forks
    ParamStore *params;
    Dnn *dnn;
    Program *program;
    void *arena;
    int batch;
    float *src;       // (batch, C, H, W): the input, filled with numbers in [-1, 1)
    float *dst;       // (batch, C', H', W'): the output of bound_forward
    float *diff_dst;  // its gradient, which bound_backward reads; filled with numbers in [-1, 1)
    float *diff_src;  // set by bound_backward
    size_t src_count, dst_count;
    StepContext step;  // of the runs; zeros until a test sets it
    Autotune *autotune;
    Shared *shared;
} Bound;

typedef struct {
    int batch;
    uint64_t seed;       // of input, parameters and diff_dst
    bool bf16;           // feature maps and gradients, but the output
    bool own_kernels;    // beside the library's
    bool evaluation;     // forward alone, as evaluation programs run it
    bool no_diff_input;  // the gradient of the input is not computed: diff_src stays 0
    bool views;          // see ProgramConfig
} BoundConfig;

Bound *bound_new(Graph *g, BoundConfig config);
void bound_free(Bound *b);

void bound_forward(Bound *b);
void bound_backward(Bound *b);

/* The numbers of a parameter and their gradient, as they stand in the store. */
float *bound_values(Bound *b, const char *param);
const float *bound_grads(Bound *b, const char *param);

/* The largest difference between the gradients of sum(dst * diff_dst) that backward gives and those
 * that central differences of width 2 * step give, over the input and all parameters, as a share of
 * the largest gradient. */
double bound_gradient_error(Bound *b, double step);

/* With teams of 1, 2 and 3 threads, bound_gradient_error(b, step) is below `tolerance` for each of
 * the `count` that `bind` makes, which are freed. Leaves teams of 2. */
void bound_check_gradients(Bound *(*bind)(size_t i), size_t count, double step, double tolerance);

/* Set all threads' teams, run, and set them back: bound_threads(3). */
void bound_threads(int threads);
