#include "server/work/estimate.h"

#include <string.h>

#include "core/base/memory.h"
#include "core/dnn/dnn.h"
#include "core/net/memory_estimate.h"
#include "core/net/parts.h"
#include "server/work/machine/memory_limit.h"

static int64_t used(int limit, int count)
{
    return limit > 0 && limit < count ? limit : count;
}

static int64_t held_out(const JobSpec *spec, int train_count)
{
    return used(spec->train_limit, train_count) - spec_train_examples(spec, train_count);
}

static MemoryEstimate memory_parts(const Graph *g, const JobSpec *spec, const SetSize *set,
                                   int threads)
{
    const size_t images = (size_t)set->train_count + (size_t)set->test_count;
    const Shape image = set->image;
    const TrainConfig config = spec_train_config(spec);
    const Node head = head_node(spec->network, g, &spec->blocks);
    const MemoryQuestion question = {
        .batch_size = spec->batch_size,
        .threads = threads,
        .bf16 = precision_resolve(spec->precision) == PRECISION_BF16,
        .train_from = spec->freeze == FREEZE_FEATURES ? graph_node(g, head)->name : NULL,
        .extra_arrays = train_extra_arrays(&config),
        .train_count = spec_train_examples(spec, set->train_count),
        .validation_count = held_out(spec, set->train_count),
        .test_count = used(spec->test_limit, set->test_count),
        .dataset_bytes = images * ((set->mapped ? 0 : shape_count(image)) + sizeof(uint16_t)),
    };
    return memory_estimate(g, &question);
}

/* The largest of the smaller images; 0: there are none. */
static int smaller_image(const JobSpec *spec)
{
    int largest = 0;
    for (int epoch = 0; epoch < spec->epochs && epoch < spec->progressive.until_epoch; epoch++) {
        const int size = progressive_size(&spec->progressive, spec->image_size, epoch);
        if (size < spec->image_size && size > largest)
            largest = size;
    }
    return largest;
}

/* Beside the net of the final size there is one for a smaller size, with the same parameters. */
static void add_smaller_net(MemoryEstimate *e, const JobSpec *spec, const SetSize *set, int classes,
                            int threads)
{
    const int size = smaller_image(spec);
    const Shape image = {set->image.channels, size, size};
    Graph *g = size > 0 ? spec_graph(spec, image, classes, NULL) : NULL;
    if (!g)
        return;
    const MemoryEstimate small = memory_parts(g, spec, set, threads);
    e->programs += small.programs;
    e->feature_maps += small.feature_maps;
    graph_free(g);
}

size_t estimate_memory(const Graph *g, const JobSpec *spec, const SetSize *set, int threads)
{
    MemoryEstimate parts = memory_parts(g, spec, set, threads);
    add_smaller_net(&parts, spec, set, graph_shape(g, graph_output(g)).channels, threads);
    return memory_estimate_total(&parts);
}

bool training_fits(const JobSpec *spec, const Dataset *dataset, int threads, Error *err)
{
    const Shape image = {dataset->image.channels, spec->image_size, spec->image_size};
    const SetSize size = {dataset->image, dataset->train.count, dataset->test.count,
                          dataset->maps[0] != NULL};
    Graph *g = spec_graph(spec, image, dataset->classes, err);
    if (!g)
        return false;
    MemoryEstimate parts = memory_parts(g, spec, &size, threads);
    add_smaller_net(&parts, spec, &size, dataset->classes, threads);
    const size_t total = memory_estimate_total(&parts);
    graph_free(g);
    return memory_can_hold("the training", total, err)
           && memory_can_add("the training", total - parts.dataset - parts.base, err);
}

bool model_fits(size_t bytes, Error *err)
{
    const bool ok =
        memory_can_hold("the model", bytes, err) && memory_can_add("the model", bytes, err);
    if (!ok && err)
        err->reason = "too_large_for_memory";
    return ok;
}

bool evaluation_fits(const Graph *g, int batch_size, bool bf16, int threads, Error *err)
{
    enum { SLOTS = 4 };  // batches of a loader, and one of mirror images
    const int micro = net_evaluation_micro_batch(batch_size, threads);
    const MemoryEstimate parts = memory_estimate_forward(g, micro, bf16);
    const size_t image = shape_count(graph_shape(g, graph_input(g))) * sizeof(float);
    const size_t bytes = memory_estimate_total(&parts) + SLOTS * (size_t)batch_size * image;
    return memory_can_hold("the evaluation", bytes, err)
           && memory_can_add("the evaluation", bytes, err);
}

bool bench_fits(const BenchConfig *c, Error *err)
{
    Graph *g = model_graph(c->model, c->image, c->classes, err);
    if (!g)
        return false;
    const MemoryQuestion question = {
        .batch_size = c->batch_size,
        .threads = c->threads,
        .bf16 = precision_resolve(c->precision) == PRECISION_BF16,
        .train_count = c->batch_size,
        .test_count = c->batch_size,
    };
    const MemoryEstimate parts = memory_estimate(g, &question);
    const size_t total = memory_estimate_total(&parts);
    graph_free(g);
    return memory_can_hold("the bench", total, err)
           && memory_can_add("the bench", total - parts.base, err);
}

/* Multiply-adds of one image, relative to those at another image size; 0 if that cannot be. */
static double relative_work(const Graph *g, const JobSpec *spec, const SpecSet *set, int image_size)
{
    Error ignored = {0};
    const Shape image = {set->image.channels, image_size, image_size};
    Graph *other = spec_graph(spec, image, set->classes, &ignored);
    const double work =
        other ? (double)graph_multiply_adds(g) / (double)graph_multiply_adds(other) : 0;
    graph_free(other);
    return work;
}

static void estimate_time(const Graph *g, const JobSpec *spec, const SpecSet *set,
                          const SpeedRow *measured, JobEstimate *e)
{
    const double work = relative_work(g, spec, set, measured->image_size);
    if (measured->job_id == 0 || work == 0)
        return;
    e->measured_job = measured->job_id;
    e->examples_per_second = measured->examples_per_second / work;
    // A training step is three passes over the network, a test one.
    const double train = (double)spec_train_examples(spec, set->train_count);
    const double validation = (double)held_out(spec, set->train_count);
    const double test = (double)used(spec->test_limit, set->test_count);
    // Where examples are held out, the test set is evaluated once.
    const double evaluated =
        validation > 0 ? spec->epochs * validation + test : spec->epochs * test;
    e->seconds = (spec->epochs * train + evaluated / 3) / e->examples_per_second;
    if (spec->max_seconds > 0 && spec->max_seconds < e->seconds)
        e->seconds = spec->max_seconds;
}

bool jobs_estimate(Jobs *jobs, const JobSpec *spec, JobThreads threads, JobEstimate *estimate,
                   Error *err)
{
    *estimate = (JobEstimate){0};
    const SpecSet *set = &spec->set;
    const Shape image = {set->image.channels, spec->image_size, spec->image_size};
    const int count = job_threads_for(threads, spec->threads);
    const Precision precision = precision_resolve(spec->precision);
    const SpeedQuery query = {
        .network = spec->network->name,
        .precision = PRECISION_NAMES[precision],
        .or_precision = precision == precision_resolve(PRECISION_AUTO) ? "auto" : "",
        .cpu_isa = dnn_isa_name(),
        .threads = count,
        .ranks = spec->ranks,
        .image_size = spec->image_size,
        .batch_size = spec->batch_size,
    };
    SpeedRow measured;
    if (!jobs_speed(jobs, &query, &measured, err))
        return false;
    Graph *g = spec_graph(spec, image, set->classes, err);
    if (!g)
        return false;
    const SetSize size = {set->image, set->train_count, set->test_count, set->mapped};
    estimate->memory_bytes = estimate_memory(g, spec, &size, count);
    estimate_time(g, spec, set, &measured, estimate);
    graph_free(g);
    return true;
}
