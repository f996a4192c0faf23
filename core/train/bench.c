#include "core/train/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/threads/team.h"
#include "core/dnn/ceiling.h"
#include "core/net/net.h"
#include "core/train/init.h"
#include "core/train/optim/optimizer.h"

enum { WARM_UP = 2 };

typedef struct {
    const BenchConfig *config;
    Graph *graph;
    ParamStore *params;
    Autotune *autotune;
    Net *net;
    float *images;
    int32_t *labels;
    double update_seconds;
} Bench;

static bool bench_new(Bench *b, Error *err)
{
    const BenchConfig *c = b->config;
    b->autotune = c->library_only ? NULL : autotune_new();
    const NetConfig how = {.batch_size = c->batch_size,
                           .micro_batch = c->micro_batch,
                           .autotune = b->autotune,
                           .without = c->without,
                           .bf16 = precision_resolve(c->precision) == PRECISION_BF16};
    b->graph = model_graph(c->model, c->image, c->classes, err);
    if (!b->graph || !params_new(b->graph, &b->params, err)
        || !net_new(b->graph, b->params, how, &b->net, err))
        return false;
    init_params(b->params, init_rule(c->model->weights), 1);
    Rng rng = rng_new(1, RNG_TEST, 0);
    const size_t numbers = (size_t)c->batch_size * shape_count(c->image);
    b->images = xcalloc(numbers, sizeof *b->images);
    b->labels = xcalloc((size_t)c->batch_size, sizeof *b->labels);
    for (size_t i = 0; i < numbers; i++)
        b->images[i] = (float)rng_uniform(&rng);
    for (int i = 0; i < c->batch_size; i++)
        b->labels[i] = (int32_t)rng_below(&rng, (uint64_t)c->classes);
    return true;
}

static void bench_free(Bench *b)
{
    net_free(b->net);
    autotune_free(b->autotune);
    params_free(b->params);
    graph_free(b->graph);
    free(b->images);
    free(b->labels);
}

static NetBatch batch_of(const Bench *b)
{
    return (NetBatch){.images = b->images, .labels = b->labels, .count = b->config->batch_size};
}

static bool step(Bench *b, Error *err)
{
    const NetBatch batch = batch_of(b);
    Metrics ignored = {0};
    if (!net_train_batch(b->net, &batch, &ignored, err))
        return false;
    const double start = clock_seconds();
    // A rate so small that values stay in their initial range for as long as the bench runs.
    optimizer_update(&(Optimizer){0}, (UpdateStep){.learning_rate = 1e-6, .grad_scale = 1},
                     b->params);
    net_params_changed(b->net);
    b->update_seconds += clock_seconds() - start;
    return true;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool time_steps(Bench *b, BenchResult *r, Error *err)
{
    const int steps = b->config->steps;
    double *times = xcalloc((size_t)steps, sizeof *times);
    double *cpu_times = xcalloc((size_t)steps, sizeof *cpu_times);
    bool ok = true;
    for (int i = -WARM_UP; ok && i < steps; i++) {
        const double start = clock_seconds(), cpu_start = clock_cpu_seconds();
        ok = step(b, err);
        const double ms = 1e3 * (clock_seconds() - start);
        if (i >= 0) {
            times[i] = ms;
            cpu_times[i] = 1e3 * (clock_cpu_seconds() - cpu_start);
        } else if (i == -WARM_UP) {
            r->first_step_ms = ms;
        }
    }
    qsort(times, (size_t)steps, sizeof *times, by_value);
    qsort(cpu_times, (size_t)steps, sizeof *cpu_times, by_value);
    r->step_ms = times[steps / 2];
    r->fastest_step_ms = times[0];
    r->step_cpu_ms = cpu_times[steps / 2];
    free(times);
    free(cpu_times);
    return ok;
}

static bool time_evaluation(Bench *b, BenchResult *r, Error *err)
{
    const NetBatch batch = batch_of(b);
    double best = 0, best_cpu = 0;
    for (int i = 0; i < b->config->steps + 1; i++) {
        Metrics ignored = {0};
        const double start = clock_seconds(), cpu_start = clock_cpu_seconds();
        if (!net_evaluate_batch(b->net, &batch, &ignored, err))
            return false;
        const double ms = 1e3 * (clock_seconds() - start);
        const double cpu_ms = 1e3 * (clock_cpu_seconds() - cpu_start);
        best = i == 0 || ms < best ? ms : best;
        best_cpu = i == 0 || cpu_ms < best_cpu ? cpu_ms : best_cpu;
    }
    r->evaluate_ms = best;
    r->evaluate_cpu_ms = best_cpu;
    return true;
}

static void fill_layers(const Bench *b, const Profile *profile, BenchResult *r)
{
    const Graph *g = net_graph(b->net);
    const double scale = 1e3 / b->config->steps;
    r->layer_count = graph_node_count(g) - 1;
    r->layers = xcalloc((size_t)r->layer_count, sizeof *r->layers);
    for (Node n = 1; n < graph_node_count(g); n++) {
        const GraphNode *node = graph_node(g, n);
        const NodeTimes *t = &profile->nodes[n];
        BenchLayer *l = &r->layers[n - 1];
        *l = (BenchLayer){.type = node->type->name,
                          .dst = node->spec.dst,
                          .gflop = 2e-9 * (double)node->spec.multiply_adds * b->config->batch_size,
                          .forward_ms = scale * t->forward,
                          .backward_data_ms = scale * t->backward_data,
                          .backward_weights_ms = scale * t->backward_weights,
                          .other_ms = scale * t->backward_begin};
        snprintf(l->name, sizeof l->name, "%s", node->name);
        const char *names[3];
        net_name_kernels(b->net, n, names);
        for (int d = 0; d < 3; d++)
            snprintf(l->kernels[d], AUTOTUNE_KERNEL, "%s", names[d] ? names[d] : "");
        const bool reads_input = node->srcs[0] == graph_input(g);
        r->gflop += l->gflop * (reads_input ? 2 : 3);
    }
}

static bool profile_steps(Bench *b, BenchResult *r, Error *err)
{
    Profile profile = {
        .nodes = xcalloc((size_t)graph_node_count(net_graph(b->net)), sizeof *profile.nodes)};
    const double scale = 1e3 / b->config->steps;
    bool ok = true;
    net_set_profile(b->net, &profile);
    b->update_seconds = 0;
    for (int i = 0; ok && i < b->config->steps; i++)
        ok = step(b, err);
    net_set_profile(b->net, NULL);
    if (ok) {
        fill_layers(b, &profile, r);
        r->input_ms = scale * profile.input;
        r->load_params_ms = scale * profile.load_params;
        r->loss_ms = scale * profile.loss;
        r->flush_grads_ms = scale * profile.flush_grads;
        r->update_ms = scale * b->update_seconds;
    }
    free(profile.nodes);
    return ok;
}

static bool measure_ceiling(BenchResult *r, Error *err)
{
    Dnn *dnn = NULL;
    if (!dnn_new(&dnn, err))
        return false;
    const bool ok = gemm_ceiling(dnn, r->precision == PRECISION_BF16 ? dnnl_bf16 : dnnl_f32,
                                 &r->ceiling_gflops, err);
    dnn_free(dnn);
    return ok;
}

bool bench_run(const BenchConfig *config, BenchResult *result, Error *err)
{
    Bench b = {.config = config};
    if (config->steps < 1)
        return fail(err, ERR_INVALID, "steps must be 1 or more, got %d", config->steps);
    *result = (BenchResult){.threads = team_start(config->threads),
                            .precision = precision_resolve(config->precision)};
    const bool ok = measure_ceiling(result, err) && bench_new(&b, err)
                    && time_steps(&b, result, err) && profile_steps(&b, result, err)
                    && time_evaluation(&b, result, err);
    if (ok)
        result->micro_batch = net_micro_batch(b.net);
    else
        bench_result_free(result);
    bench_free(&b);
    return ok;
}

void bench_result_free(BenchResult *r)
{
    free(r->layers);
    *r = (BenchResult){0};
}
