/* tests/core/net/test_frozen.c -- a net whose nodes before one are frozen: what it computes, what
 * it leaves alone, and that it does not compute the rest. */
#include <stdio.h>

#include "core/base/numbers/rng.h"
#include "core/layers/conv/conv.h"
#include "core/layers/dropout.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/models/models.h"
#include "core/net/memory_estimate.h"
#include "core/train/init.h"
#include "tests/check.h"
#include "tests/core/net/norm_fixture.h"

static size_t offset_of(const ParamStore *p, const char *name)
{
    assert_non_null(params_find(p, name));
    return params_find(p, name)->offset;
}

static double evaluated_loss(const NormFixture *f)
{
    Error err = {0};
    const NetBatch batch = {.images = f->images, .labels = f->labels, .count = NORM_BATCH};
    Metrics sum = {0};
    net_params_changed(f->net);
    CHECK_OK(net_evaluate_batch(f->net, &batch, &sum, &err), err);
    return sum.loss / NORM_BATCH;
}

/* Frozen batch norms have their running statistics, so that the loss is that of an evaluation, and
 * the head's gradient that of the evaluated loss. */
static void the_head_has_the_gradients_of_the_evaluated_loss(void **state)
{
    (void)state;
    NormFixture f = norm_fixture_new((NetConfig){.train_from = "out"});
    const Metrics m = norm_train(&f, NORM_BATCH);
    CHECK_NEAR(m.loss / NORM_BATCH, evaluated_loss(&f), 1e-5);
    const size_t weights = offset_of(f.params, "out.weight"),
                 bias = offset_of(f.params, "out.bias");
    const size_t looked_at[] = {weights, weights + 7, weights + 5 * 80 - 1, bias, bias + 4};
    double largest = 0;
    for (size_t i = 0; i < COUNT(looked_at); i++) {
        const double step = 1e-2;
        float *value = &f.params->values[looked_at[i]], before = *value;
        *value = before + (float)step;
        const double more = evaluated_loss(&f);
        *value = before - (float)step;
        const double less = evaluated_loss(&f);
        *value = before;
        CHECK_NEAR(f.params->grads[looked_at[i]], (more - less) / (2 * step), 2e-4);
        largest = fmax(largest, fabs(f.params->grads[looked_at[i]]));
    }
    assert_true(largest > 1e-2);
    norm_fixture_free(&f);
}

static void all_before_stays_as_it_is(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 <= net_bf16_is_fast(); bf16++) {
        NormFixture f = norm_fixture_new((NetConfig){.train_from = "out", .bf16 = bf16});
        const ParamStore *p = f.params;
        float *values = xcalloc(p->count, sizeof *values);
        memcpy(values, p->values, p->count * sizeof *values);
        norm_train(&f, NORM_BATCH);
        norm_train(&f, NORM_BATCH - 1);
        assert_memory_equal(p->values, values, p->count * sizeof *values);
        for (size_t i = 0; i < p->counter_count; i++)
            assert_int_equal(p->counters[i], 0);
        const size_t weights = offset_of(p, "out.weight"), bias = offset_of(p, "out.bias");
        for (size_t i = 0; i < bias; i++)
            assert_true(p->grads[i] == 0 || (i >= weights && i < p->weight_count));
        assert_true(p->grads[bias] != 0);
        assert_int_equal(weights + 5 * 80, p->weight_count);
        assert_int_equal(bias + 5, p->trained_count);
        free(values);
        norm_fixture_free(&f);
    }
}

static void nothing_is_computed_backward_there(void **state)
{
    (void)state;
    NormFixture f = norm_fixture_new((NetConfig){.train_from = "out"});
    const Graph *g = net_graph(f.net);
    const Node head = graph_find(g, "out");
    NodeTimes *times = xcalloc((size_t)graph_node_count(g), sizeof *times);
    Profile profile = {.nodes = times};
    net_set_profile(f.net, &profile);
    norm_train(&f, NORM_BATCH);
    net_set_profile(f.net, NULL);
    assert_true(times[head].backward_weights > 0);
    assert_true(times[head].backward_data == 0);
    for (Node n = 1; n < head; n++) {
        const char *names[3];
        net_name_kernels(f.net, n, names);
        assert_true(times[n].backward_begin == 0 && times[n].backward_weights == 0);
        assert_true(times[n].backward_data == 0);
        // Of a pool they are the same in all directions.
        assert_true(graph_node(g, n)->type != &CONV || (names[0] && !names[1] && !names[2]));
    }
    free(times);
    norm_fixture_free(&f);
}

/* Values are dropped as soon as they are read, and the estimate knows. */
static void memory_is_that_of_an_evaluation(void **state)
{
    (void)state;
    NormFixture all = norm_fixture_new((NetConfig){0});
    NormFixture f = norm_fixture_new((NetConfig){.train_from = "out"});
    norm_train(&all, NORM_BATCH);
    norm_train(&f, NORM_BATCH);
    assert_true(2 * net_arena_bytes(f.net) < net_arena_bytes(all.net));
    MemoryQuestion q = {.batch_size = NORM_BATCH, .threads = 1, .train_count = NORM_BATCH};
    assert_int_equal(memory_estimate(f.graph, &q).feature_maps, net_arena_bytes(all.net));
    q.train_from = "out";
    assert_int_equal(memory_estimate(f.graph, &q).feature_maps, net_arena_bytes(f.net));
    norm_fixture_free(&all);
    norm_fixture_free(&f);
}

typedef struct {
    Graph *graph;
    ParamStore *params;
    Net *net;
} Small;

static Small small_new(Graph *g, NetConfig config)
{
    Error err = {0};
    Small s = {.graph = g};
    config.batch_size = 10;
    config.micro_batch = 4;  // and a rest
    CHECK_OK(params_new(g, &s.params, &err), err);
    init_params(s.params, init_xavier_uniform, 3);
    CHECK_OK(net_new(g, s.params, config, &s.net, &err), err);
    return s;
}

static void small_free(Small *s)
{
    net_free(s->net);
    params_free(s->params);
    graph_free(s->graph);
}

static Metrics small_train(const Small *s, const float *images, int64_t step)
{
    Error err = {0};
    static const int32_t LABELS[10] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3};
    const NetBatch batch = {
        .images = images, .labels = LABELS, .count = 10, .seed = 1, .step = step};
    Metrics sum = {0};
    CHECK_OK(net_train_batch(s->net, &batch, &sum, &err), err);
    return sum;
}

static float *random_images(size_t count)
{
    Rng rng = rng_new(2, RNG_TEST, 0);
    float *images = xcalloc(count, sizeof *images);
    for (size_t i = 0; i < count; i++)
        images[i] = (float)rng_uniform(&rng);
    return images;
}

static Graph *tiny_graph(void)
{
    Error err = {0};
    Graph *g = model_graph(models_find("googlenet_tiny"), (Shape){1, 28, 28}, 10, &err);
    CHECK_OK(g != NULL, err);
    return g;
}

/* Without batch norms the head sees the same features whether they are frozen or not. */
static void the_head_has_the_gradients_of_a_net_that_is_not_frozen(void **state)
{
    (void)state;
    float *images = random_images(10 * 28 * 28);
    Graph *g = tiny_graph();
    const char *head = graph_node(g, graph_output(g))->name;
    char weight[GRAPH_MAX_NAME + 8], node[GRAPH_MAX_NAME];
    snprintf(weight, sizeof weight, "%s.weight", head);
    snprintf(node, sizeof node, "%s", head);
    Small all = small_new(g, (NetConfig){0});
    Small frozen = small_new(tiny_graph(), (NetConfig){.train_from = node});
    const Metrics a = small_train(&all, images, 0), b = small_train(&frozen, images, 0);
    CHECK_NEAR(a.loss, b.loss, 1e-5);
    const size_t first = offset_of(all.params, weight);
    for (size_t i = first; i < all.params->weight_count; i++)
        CHECK_NEAR(all.params->grads[i], frozen.params->grads[i], 1e-6);
    for (size_t i = all.params->trained_count - 10; i < all.params->trained_count; i++)
        CHECK_NEAR(all.params->grads[i], frozen.params->grads[i], 1e-6);
    assert_true(all.params->grads[0] != 0);
    assert_true(frozen.params->grads[0] == 0);
    small_free(&all);
    small_free(&frozen);
    free(images);
}

static Graph *dropping_graph(void)
{
    Graph *g = graph_new((Shape){1, 6, 6});
    Node x = conv(g, graph_input(g), "a", (Conv){.out = 32, .kernel = 3});
    x = global_avg_pool(g, x, "end");
    x = dropout(g, x, "drop", (Dropout){.rate = 0.5f});
    linear(g, x, "out", (Linear){.out = 10});
    return g;
}

/* What reads it is trained: it is not a part of what was learnt. */
static void dropout_goes_on(void **state)
{
    (void)state;
    float *images = random_images(10 * 6 * 6);
    Small all = small_new(dropping_graph(), (NetConfig){0});
    Small frozen = small_new(dropping_graph(), (NetConfig){.train_from = "out"});
    for (int step = 0; step < 2; step++)
        CHECK_NEAR(small_train(&all, images, step).loss, small_train(&frozen, images, step).loss,
                   1e-4);
    assert_true(fabs(small_train(&frozen, images, 0).loss - small_train(&frozen, images, 1).loss)
                > 1e-3);
    small_free(&all);
    small_free(&frozen);
    free(images);
}

static void a_node_that_is_not_there_is_refused(void **state)
{
    (void)state;
    Error err = {0};
    Graph *g = tiny_graph();
    ParamStore *params = NULL;
    Net *net = NULL;
    CHECK_OK(params_new(g, &params, &err), err);
    assert_false(
        net_new(g, params, (NetConfig){.batch_size = 4, .train_from = "head"}, &net, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(err.message, "there is no node head to train from");
    params_free(params);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_has_the_gradients_of_the_evaluated_loss),
        cmocka_unit_test(all_before_stays_as_it_is),
        cmocka_unit_test(nothing_is_computed_backward_there),
        cmocka_unit_test(memory_is_that_of_an_evaluation),
        cmocka_unit_test(the_head_has_the_gradients_of_a_net_that_is_not_frozen),
        cmocka_unit_test(dropout_goes_on),
        cmocka_unit_test(a_node_that_is_not_there_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
