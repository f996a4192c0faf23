#include "tests/core/bound.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/numbers/rng.h"
#include "core/net/rewrites.h"
#include "tests/check.h"

static void fill(float *numbers, size_t count, Rng *rng)
{
    for (size_t i = 0; i < count; i++)
        numbers[i] = (float)(2 * rng_uniform(rng) - 1);
}

Bound *bound_new(Graph *g, BoundConfig config)
{
    Error err = {0};
    Bound *b = xcalloc(1, sizeof *b);
    CHECK_OK(graph_check(g, &err), err);
    b->batch = config.batch;
    b->graph = rewrite_insert_forks(g);
    graph_free(g);
    CHECK_OK(params_new(b->graph, &b->params, &err), err);
    CHECK_OK(dnn_new(&b->dnn, &err), err);
    b->shared = shared_new();
    b->autotune = config.own_kernels ? autotune_new() : NULL;
    const ProgramConfig how = {.batch = config.batch,
                               .training = !config.evaluation,
                               .type = config.bf16 ? dnnl_bf16 : dnnl_f32,
                               .diff_input = !config.evaluation && !config.no_diff_input,
                               .autotune = b->autotune,
                               .views = config.views,
                               .shared = b->shared};
    CHECK_OK(program_new(b->graph, b->params, b->dnn, how, &b->program, &err), err);
    b->arena = aligned_alloc(64, program_arena_bytes(b->program) + 64);
    memset(b->arena, 0xff,
           program_arena_bytes(b->program));  // NaNs: nothing may read stale numbers
    CHECK_OK(program_place(b->program, b->arena, &err), err);

    b->src_count = tensor_count(program_input(b->program));
    b->dst_count = tensor_count(program_output(b->program));
    b->src = xcalloc(b->src_count, sizeof *b->src);
    b->diff_src = xcalloc(b->src_count, sizeof *b->src);
    b->dst = xcalloc(b->dst_count, sizeof *b->dst);
    b->diff_dst = xcalloc(b->dst_count, sizeof *b->dst);
    Rng rng = rng_new(config.seed, RNG_TEST, 0);
    fill(b->src, b->src_count, &rng);
    fill(b->diff_dst, b->dst_count, &rng);
    fill(b->params->values, b->params->count, &rng);
    return b;
}

void bound_free(Bound *b)
{
    program_free(b->program);
    shared_free(b->shared);
    autotune_free(b->autotune);
    dnn_free(b->dnn);
    params_free(b->params);
    graph_free(b->graph);
    free(b->arena);
    free(b->src);
    free(b->dst);
    free(b->diff_dst);
    free(b->diff_src);
    free(b);
}

void bound_forward(Bound *b)
{
    Error err = {0};
    b->shared->version++;  // tests change parameters as they like
    CHECK_OK(program_load_params(b->program, &err), err);
    tensor_write_nchw(program_input(b->program), b->src);
    CHECK_OK(program_forward(b->program, b->step, NULL, &err), err);
    tensor_read_nchw(program_output(b->program), b->dst);
}

void bound_backward(Bound *b)
{
    Error err = {0};
    tensor_write_nchw(program_diff_output(b->program), b->diff_dst);
    grad_accumulators_begin(b->shared->grads);
    CHECK_OK(program_backward(b->program, NULL, NULL, NULL, &err), err);
    for (Node n = 1; n < graph_node_count(b->graph); n++)
        program_flush_grads(b->program, n);
    if (program_diff_input(b->program))
        tensor_read_nchw(program_diff_input(b->program), b->diff_src);
}

static size_t offset_of(const Bound *b, const char *param)
{
    const Param *p = params_find(b->params, param);
    if (!p)
        fail_msg("no parameter %s", param);
    return p->offset;
}

float *bound_values(Bound *b, const char *param)
{
    return b->params->values + offset_of(b, param);
}

const float *bound_grads(Bound *b, const char *param)
{
    return b->params->grads + offset_of(b, param);
}

static double objective(Bound *b)
{
    bound_forward(b);
    double sum = 0;
    for (size_t i = 0; i < b->dst_count; i++)
        sum += (double)b->dst[i] * (double)b->diff_dst[i];
    return sum;
}

static double slope(Bound *b, float *number, double step)
{
    const float before = *number;
    const float above = (float)(before + step), below = (float)(before - step);
    *number = above;
    const double high = objective(b);
    *number = below;
    const double low = objective(b);
    *number = before;
    return (high - low) / ((double)above - (double)below);
}

/* Raise *worst and *largest by the gradients of `count` numbers; at most 200 of them are tried. */
static void compare(Bound *b, float *numbers, const float *grads, size_t count, double step,
                    double *worst, double *largest)
{
    const size_t stride = count / 200 + 1;
    for (size_t i = 0; i < count; i += stride) {
        const double want = slope(b, &numbers[i], step);
        *worst = fmax(*worst, fabs(want - (double)grads[i]));
        *largest = fmax(*largest, fabs(want));
    }
}

double bound_gradient_error(Bound *b, double step)
{
    double worst = 0, largest = 0;
    bound_forward(b);
    bound_backward(b);
    if (program_diff_input(b->program))
        compare(b, b->src, b->diff_src, b->src_count, step, &worst, &largest);
    compare(b, b->params->values, b->params->grads, b->params->trained_count, step, &worst,
            &largest);
    assert_true(largest > 0);
    return worst / largest;
}

void bound_threads(int threads)
{
    omp_set_num_threads(threads);
}

void bound_check_gradients(Bound *(*bind)(size_t i), size_t count, double step, double tolerance)
{
    for (int threads = 1; threads <= 3; threads++) {
        bound_threads(threads);
        for (size_t i = 0; i < count; i++) {
            Bound *b = bind(i);
            const double error = bound_gradient_error(b, step);
            if (!(error < tolerance))
                fail_msg("case %zu, %d threads: gradients differ by %g", i, threads, error);
            bound_free(b);
        }
    }
    bound_threads(2);
}
