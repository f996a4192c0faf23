/* tests/core/net/test_memory_estimate.c -- the estimate against what nets really reserve; whole
 * trainings are measured in tests/api/estimate.test.js. */
#include "core/net/memory_estimate.h"

#include <stdlib.h>

#include "core/models/models.h"
#include "core/net/net.h"
#include "tests/check.h"

static Graph *graph_of(const char *model, int side)
{
    Error err = {0};
    Graph *g = model_graph(models_find(model), (Shape){1, side, side}, 10, &err);
    assert_non_null(g);
    return g;
}

static const MemoryQuestion CHAPTER = {
    .batch_size = 128, .threads = 2, .train_count = 60000, .test_count = 10000};

/* One training step; what the net has reserved for feature maps. */
static size_t real_arena(const Graph *g, int side, const MemoryQuestion *q)
{
    Error err = {0};
    ParamStore *params = NULL;
    Net *net = NULL;
    CHECK_OK(params_new(g, &params, &err), err);
    // The estimate is of the micro-batch for q's threads, whatever this machine has.
    const NetConfig how = {.batch_size = q->batch_size,
                           .micro_batch = net_default_micro_batch(g, q->batch_size, q->threads),
                           .bf16 = q->bf16};
    CHECK_OK(net_new(g, params, how, &net, &err), err);
    float *images = xcalloc((size_t)q->batch_size * (size_t)(side * side), sizeof *images);
    int32_t *labels = xcalloc((size_t)q->batch_size, sizeof *labels);
    const NetBatch batch = {.images = images, .labels = labels, .count = q->batch_size};
    Metrics sum = {0};
    CHECK_OK(net_train_batch(net, &batch, &sum, &err), err);
    const size_t bytes = net_arena_bytes(net);
    free(labels);
    free(images);
    net_free(net);
    params_free(params);
    return bytes;
}

static void feature_maps_are_what_a_net_reserves(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        int side, batch;
        bool bf16;
    } CASES[] = {{"googlenet_tiny", 28, 16, false},
                 {"googlenet_tiny", 40, 8, true},
                 {"googlenet", 48, 2, false},
                 {"googlenet", 64, 3, true}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        if (CASES[i].bf16 && !net_bf16_is_fast())
            continue;
        Graph *g = graph_of(CASES[i].model, CASES[i].side);
        MemoryQuestion q = CHAPTER;
        q.batch_size = CASES[i].batch;
        q.bf16 = CASES[i].bf16;
        assert_int_equal(memory_estimate(g, &q).feature_maps, real_arena(g, CASES[i].side, &q));
        graph_free(g);
    }
}

/* Nets that only evaluate, with programs of one example and of a whole batch. */
static void an_evaluation_reserves_what_is_estimated(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        int side, batch;
        bool bf16;
    } CASES[] = {{"googlenet_tiny", 28, 32, false},
                 {"googlenet_tiny", 40, 8, true},
                 {"googlenet_bn", 48, 4, false},
                 {"googlenet", 64, 3, true}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Error err = {0};
        ParamStore *params = NULL;
        Net *net = NULL;
        if (CASES[i].bf16 && !net_bf16_is_fast())
            continue;
        Graph *g = graph_of(CASES[i].model, CASES[i].side);
        const int batch = CASES[i].batch;
        const NetConfig how = {
            .batch_size = 4 * batch, .micro_batch = batch, .bf16 = CASES[i].bf16};
        CHECK_OK(params_new(g, &params, &err), err);
        CHECK_OK(net_new(g, params, how, &net, &err), err);
        CHECK_OK(net_prepare(net, 0, 1, &err), err);
        CHECK_OK(net_prepare(net, 0, batch, &err), err);
        const MemoryEstimate e = memory_estimate_forward(g, batch, CASES[i].bf16);
        assert_int_equal(e.feature_maps, net_arena_bytes(net));
        assert_true(e.programs
                    >= (size_t)graph_parameter_count(g) * (CASES[i].bf16 ? 2 : sizeof(float)));
        net_free(net);
        params_free(params);
        graph_free(g);
    }
}

static void each_part_grows_with_what_it_is_made_of(void **state)
{
    (void)state;
    Graph *g = graph_of("googlenet", 96), *larger = graph_of("googlenet", 192);
    const size_t array = sizeof(float) * (size_t)graph_parameter_count(g);
    const MemoryEstimate plain = memory_estimate(g, &CHAPTER);
    assert_int_equal(plain.parameters, 2 * array);
    assert_int_equal(plain.batches, 2 * 3 * 128 * 96 * 96 * 4 + 70000 * 4);

    MemoryQuestion q = CHAPTER;
    q.extra_arrays = 1;
    assert_int_equal(memory_estimate(g, &q).parameters, 3 * array);
    q.bf16 = true;
    const MemoryEstimate half = memory_estimate(g, &q);
    assert_true(half.feature_maps > plain.feature_maps / 2
                && half.feature_maps < plain.feature_maps / 20 * 13);
    assert_true(half.programs < plain.programs);
    // 60,000 is 468 batches of 128 and one of 96, all cut into parts of 32; 100 more leave a rest.
    q = CHAPTER;
    q.train_count += 100;
    assert_true(memory_estimate(g, &q).programs > plain.programs);
    q = CHAPTER;
    q.threads = 16;
    assert_int_equal(memory_estimate(g, &q).feature_maps / plain.feature_maps, 4);
    q = CHAPTER;
    q.dataset_bytes = 55000000;
    assert_int_equal(memory_estimate(g, &q).dataset, 55000000);
    assert_int_equal(memory_estimate(larger, &CHAPTER).feature_maps / plain.feature_maps, 4);
    graph_free(larger);
    graph_free(g);
}

static void the_total_is_the_sum_of_the_parts(void **state)
{
    (void)state;
    const MemoryEstimate e = {1, 20, 300, 4000, 50000, 600000};
    assert_int_equal(memory_estimate_total(&e), 654321);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feature_maps_are_what_a_net_reserves),
        cmocka_unit_test(an_evaluation_reserves_what_is_estimated),
        cmocka_unit_test(each_part_grows_with_what_it_is_made_of),
        cmocka_unit_test(the_total_is_the_sum_of_the_parts),
    };
    return RUN_TESTS(tests);
}
