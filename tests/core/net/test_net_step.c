/* tests/core/net/test_net_step.c -- what layers and listeners learn of a step: its context, when it
 * is committed, which gradients are complete. */
#include <string.h>

#include "core/base/numbers/rng.h"
#include "core/layers/conv/conv.h"
#include "core/layers/layer.h"
#include "core/layers/linear.h"
#include "core/models/models.h"
#include "core/net/net.h"
#include "core/train/init.h"
#include "tests/check.h"

enum { SIDE = 12, CLASSES = 3, BATCH = 10, MICRO = 4, MAX_RUNS = 16 };

/* ---- A layer that passes on what it reads, and notes how it is called ---- */

typedef struct {
    StepContext forward[MAX_RUNS], backward[MAX_RUNS];
    int batch[MAX_RUNS];
    int forwards, backwards, commits;
} Record;

typedef struct {
    Record *record;
    bool couples;
} Probe;

static bool describe(const void *config, const Shape *srcs, int src_count, LayerSpec *spec,
                     Error *err)
{
    (void)src_count, (void)err;
    spec->dst = srcs[0];
    spec->couples_examples = ((const Probe *)config)->couples;
    return true;
}

static Record *record_of(const Layer *l)
{
    return ((const Probe *)l->node->config)->record;
}

static bool forward(Layer *l, Error *err)
{
    (void)err;
    Record *r = record_of(l);
    assert_true(r->forwards < MAX_RUNS);
    r->batch[r->forwards] = l->batch;
    r->forward[r->forwards++] = *l->step;
    memcpy(l->dst->data, l->src[0]->data, l->dst->bytes);
    return true;
}

static bool backward_data(Layer *l, Error *err)
{
    (void)err;
    Record *r = record_of(l);
    assert_true(r->backwards < MAX_RUNS);
    r->backward[r->backwards++] = *l->step;
    memcpy(l->diff_src[0]->data, l->diff_dst[0]->data, l->diff_src[0]->bytes);
    return true;
}

static void commit(Layer *l)
{
    record_of(l)->commits++;
}

static const LayerOps OPS = {
    .forward = forward,
    .backward_data = backward_data,
    .commit = commit,
};
static const LayerType PROBE = {
    .name = "probe", .config_bytes = sizeof(Probe), .describe = describe, .ops = &OPS};

/* ---- A net with one ---- */

typedef struct {
    Graph *graph;
    ParamStore *params;
    Net *net;
    float images[BATCH * SIDE * SIDE];
    int32_t labels[BATCH];
} Fixture;

static Fixture *fixture_new(Graph *g, NetConfig config)
{
    Error err = {0};
    Fixture *f = xcalloc(1, sizeof *f);
    f->graph = g;
    config.batch_size = BATCH;
    CHECK_OK(params_new(g, &f->params, &err), err);
    init_params(f->params, init_xavier_uniform, 5);
    CHECK_OK(net_new(g, f->params, config, &f->net, &err), err);
    Rng rng = rng_new(8, RNG_TEST, 0);
    for (size_t i = 0; i < COUNT(f->images); i++)
        f->images[i] = (float)rng_uniform(&rng);
    for (int i = 0; i < BATCH; i++)
        f->labels[i] = (int32_t)rng_below(&rng, CLASSES);
    return f;
}

static void fixture_free(Fixture *f)
{
    net_free(f->net);
    params_free(f->params);
    graph_free(f->graph);
    free(f);
}

static Graph *probed(Record *record, bool couples)
{
    Graph *g = graph_new((Shape){1, SIDE, SIDE});
    Node x = conv(g, graph_input(g), "c", (Conv){.out = 2, .kernel = 3});
    x = graph_add(g, "p", &PROBE, &(Probe){record, couples}, &x, 1);
    linear(g, x, "l", (Linear){.out = CLASSES});
    return g;
}

static NetBatch batch_of(const Fixture *f, int count)
{
    return (NetBatch){
        .images = f->images, .labels = f->labels, .count = count, .seed = 77, .step = 5};
}

static void check_step(StepContext s, int first, bool last)
{
    assert_int_equal(s.seed, 77);
    assert_int_equal(s.step, 5);
    assert_int_equal(s.first_example, first);
    assert_int_equal(s.last_part, last);
}

static void layers_learn_step_and_part(void **state)
{
    (void)state;
    Error err = {0};
    Record r = {0};
    Metrics sum = {0};
    Fixture *f = fixture_new(probed(&r, false), (NetConfig){.micro_batch = MICRO});
    const NetBatch batch = batch_of(f, BATCH);
    CHECK_OK(net_train_batch(f->net, &batch, &sum, &err), err);
    assert_true(r.forwards == 3 && r.backwards == 3 && r.commits == 1);
    for (int i = 0; i < 3; i++) {
        check_step(r.forward[i], MICRO * i, i == 2);
        check_step(r.backward[i], MICRO * i, i == 2);
    }
    CHECK_OK(net_evaluate_batch(f->net, &batch, &sum, &err), err);
    assert_true(r.forwards == 6 && r.backwards == 3 && r.commits == 1);
    fixture_free(f);
}

static void coupled_examples_are_one_part(void **state)
{
    (void)state;
    Error err = {0};
    Record r = {0};
    Metrics sum = {0};
    Fixture *f = fixture_new(probed(&r, true), (NetConfig){.micro_batch = MICRO});
    const NetBatch whole = batch_of(f, BATCH), rest = batch_of(f, 3);
    CHECK_OK(net_train_batch(f->net, &whole, &sum, &err), err);
    CHECK_OK(net_train_batch(f->net, &rest, &sum, &err), err);
    assert_true(r.forwards == 2 && r.backwards == 2 && r.commits == 2);
    assert_true(r.batch[0] == BATCH && r.batch[1] == 3);
    fixture_free(f);
}

static bool stop_at_once(void *context)
{
    return --*(int *)context > 0;
}

static void a_batch_that_was_given_up_is_not_committed(void **state)
{
    (void)state;
    Error err = {0};
    Record r = {0};
    Metrics sum = {0};
    int left = 2;
    Fixture *f = fixture_new(
        probed(&r, false),
        (NetConfig){.micro_batch = MICRO, .go_on = stop_at_once, .go_on_context = &left});
    const NetBatch batch = batch_of(f, BATCH);
    assert_false(net_train_batch(f->net, &batch, &sum, &err));
    assert_int_equal(err.code, ERR_STOPPED);
    assert_true(r.forwards == 2 && r.commits == 0);
    fixture_free(f);
}

/* ---- Gradients ---- */

typedef struct {
    const ParamStore *params;
    float *values;  // as they were when reported
    int *reports;   // of each number
    size_t last;    // of the numbers reported, where the latest began
} Ready;

static void on_ready(void *context, size_t first, size_t count)
{
    Ready *r = context;
    assert_true(first + count <= r->params->trained_count);
    for (size_t i = first; i < first + count; i++) {
        r->values[i] = r->params->grads[i];
        r->reports[i]++;
    }
    r->last = first;
}

/* Also where a batch is in parts of several sizes, and siblings are merged. */
static void every_gradient_is_reported_once_when_it_is_complete(void **state)
{
    (void)state;
    Error err = {0};
    Ready r = {0};
    Metrics sum = {0};
    Graph *g = model_graph(models_find("googlenet_tiny"), (Shape){1, SIDE, SIDE}, CLASSES, &err);
    assert_non_null(g);
    Fixture *f = fixture_new(
        g, (NetConfig){.micro_batch = MICRO, .grads_ready = on_ready, .grads_ready_context = &r});
    r.params = f->params;
    r.values = xcalloc(f->params->trained_count, sizeof *r.values);
    r.reports = xcalloc(f->params->trained_count, sizeof *r.reports);
    const NetBatch batch = batch_of(f, BATCH);
    CHECK_OK(net_train_batch(f->net, &batch, &sum, &err), err);
    for (size_t i = 0; i < f->params->trained_count; i++)
        assert_int_equal(r.reports[i], 1);
    assert_memory_equal(r.values, f->params->grads, f->params->trained_count * sizeof(float));
    // The backward pass ends at the first layer.
    assert_int_equal(r.last, params_find(f->params, "0.0.bias")->offset);
    free(r.values);
    free(r.reports);
    fixture_free(f);
}

/* The loss is linear in the target: with `others` mixed in it is the mean of that of either.
 * sums[0] gets the metrics of the batch's own labels, [1] of the others, [2] of both. */
static void check_mixture(Fixture *f, const int32_t others[BATCH], Metrics sums[3])
{
    Error err = {0};
    NetBatch batch = batch_of(f, BATCH);
    CHECK_OK(net_train_batch(f->net, &batch, &sums[0], &err), err);
    batch.labels = others;
    CHECK_OK(net_train_batch(f->net, &batch, &sums[1], &err), err);
    batch = batch_of(f, BATCH);
    batch.mixed_labels = others;
    batch.share = 0.3;
    CHECK_OK(net_train_batch(f->net, &batch, &sums[2], &err), err);
    CHECK_NEAR(sums[2].loss, 0.3 * sums[0].loss + 0.7 * sums[1].loss, 1e-9);
}

/* Each part must find its own mixed labels. */
static void mixed_labels_reach_every_part(void **state)
{
    (void)state;
    Record r = {0};
    Metrics sums[3] = {{0}};
    Fixture *f = fixture_new(probed(&r, false), (NetConfig){.micro_batch = MICRO});
    int32_t others[BATCH];
    for (int i = 0; i < BATCH; i++)
        others[i] = (f->labels[i] + 1 + i % 2) % CLASSES;
    check_mixture(f, others, sums);
    assert_int_equal(sums[2].top1, sums[0].top1);
    fixture_free(f);
}

/* A part of a larger batch may have other labels mixed in than its own: each of the two means is by
 * its own labels' weights. */
static void mixed_labels_have_weights_of_their_own(void **state)
{
    (void)state;
    Record r = {0};
    Metrics sums[3] = {{0}};
    double weights[CLASSES];
    int32_t others[BATCH];
    for (int k = 0; k < CLASSES; k++)
        weights[k] = 0.1 + k * k;
    Fixture *f = fixture_new(
        probed(&r, false),
        (NetConfig){.micro_batch = MICRO, .class_weights = weights, .label_smoothing = 0.1});
    for (int i = 0; i < BATCH; i++)
        others[i] = i % 2;
    check_mixture(f, others, sums);
    fixture_free(f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_learn_step_and_part),
        cmocka_unit_test(coupled_examples_are_one_part),
        cmocka_unit_test(a_batch_that_was_given_up_is_not_committed),
        cmocka_unit_test(every_gradient_is_reported_once_when_it_is_complete),
        cmocka_unit_test(mixed_labels_reach_every_part),
        cmocka_unit_test(mixed_labels_have_weights_of_their_own),
    };
    return RUN_TESTS(tests);
}
