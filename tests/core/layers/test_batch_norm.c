/* tests/core/layers/test_batch_norm.c */
#include "core/layers/batch_norm.h"

#include "core/base/numbers/bf16.h"
#include "core/layers/conv/conv.h"
#include "tests/check.h"
#include "tests/core/bound.h"

/* Channels with and without tails of vectors, more pixels than are summed up at a time, and few. */
static const struct {
    Shape src;
    int batch;
    BatchNorm norm;
} CASES[] = {
    {{3, 7, 5}, 2, {.eps = 1e-5}},   {{16, 4, 4}, 3, {.eps = 1e-3, .momentum = 0.3}},
    {{81, 3, 2}, 5, {.relu = true}}, {{152, 1, 1}, 4, {.relu = true, .momentum = 1}},
    {{24, 13, 17}, 3, {.eps = 0.5}},
};

static Bound *bind(size_t i, BoundConfig config)
{
    Graph *g = graph_new(CASES[i].src);
    batch_norm(g, graph_input(g), "x", CASES[i].norm);
    config.batch = CASES[i].batch;
    config.seed = i + 1;
    return bound_new(g, config);
}

static double eps_of(size_t i)
{
    return CASES[i].norm.eps > 0 ? CASES[i].norm.eps : 1e-5;
}

static double momentum_of(size_t i)
{
    return CASES[i].norm.momentum > 0 ? CASES[i].norm.momentum : 0.1;
}

/* Where number p of channel c is, p counting over images and pixels. */
static size_t at(Shape s, int c, size_t p)
{
    const size_t pixels = (size_t)s.height * (size_t)s.width;
    return (p / pixels * (size_t)s.channels + (size_t)c) * pixels + p % pixels;
}

typedef struct {
    double mean, variance;  // divided by the number of values
} Statistics;

static Statistics statistics_of(const float *map, Shape s, int c, size_t count)
{
    Statistics a = {0};
    for (size_t p = 0; p < count; p++)
        a.mean += (double)map[at(s, c, p)] / (double)count;
    for (size_t p = 0; p < count; p++)
        a.variance += pow((double)map[at(s, c, p)] - a.mean, 2) / (double)count;
    return a;
}

static void check_values(Bound *b, size_t i, int c, Statistics a, double tolerance)
{
    const size_t count = b->src_count / (size_t)CASES[i].src.channels;
    for (size_t p = 0; p < count; p++) {
        const size_t k = at(CASES[i].src, c, p);
        double want = ((double)b->src[k] - a.mean) / sqrt(a.variance + eps_of(i));
        want = want * (double)bound_values(b, "x.weight")[c] + (double)bound_values(b, "x.bias")[c];
        CHECK_NEAR(b->dst[k], CASES[i].norm.relu && want < 0 ? 0 : want, tolerance);
    }
}

static void shapes_and_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        ParamRole role;
    } WANT[] = {{"weight", ROLE_SCALE},
                {"bias", ROLE_SHIFT},
                {"running_mean", ROLE_MEAN},
                {"running_var", ROLE_VARIANCE},
                {"num_batches_tracked", ROLE_COUNTER}};
    Graph *g = graph_new((Shape){6, 5, 3});
    const Node n = batch_norm(g, graph_input(g), "x", (BatchNorm){0});
    assert_true(shape_equal(graph_shape(g, n), (Shape){6, 5, 3}));
    assert_int_equal(graph_parameter_count(g), 12);
    assert_true(graph_couples_examples(g));
    const LayerSpec *spec = &graph_node(g, n)->spec;
    assert_int_equal(spec->param_count, COUNT(WANT));
    for (size_t p = 0; p < COUNT(WANT); p++) {
        assert_string_equal(spec->params[p].name, WANT[p].name);
        assert_int_equal(spec->params[p].role, WANT[p].role);
        assert_int_equal(spec->params[p].dim_count, WANT[p].role != ROLE_COUNTER);
    }
    graph_free(g);
}

static void training_normalises_by_the_batch(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        bound_threads(threads);
        for (size_t i = 0; i < COUNT(CASES); i++) {
            Bound *b = bind(i, (BoundConfig){0});
            bound_forward(b);
            const size_t count = b->src_count / (size_t)CASES[i].src.channels;
            for (int c = 0; c < CASES[i].src.channels; c++)
                check_values(b, i, c, statistics_of(b->src, CASES[i].src, c, count), 2e-5);
            bound_free(b);
        }
    }
    bound_threads(2);
}

static void evaluation_normalises_by_the_running_statistics(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Bound *b = bind(i, (BoundConfig){.evaluation = true});
        float *variance = bound_values(b, "x.running_var");
        for (int c = 0; c < CASES[i].src.channels; c++)
            variance[c] = 0.1f + fabsf(variance[c]);
        bound_forward(b);
        for (int c = 0; c < CASES[i].src.channels; c++) {
            const Statistics a = {bound_values(b, "x.running_mean")[c], variance[c]};
            check_values(b, i, c, a, 2e-5);
        }
        bound_free(b);
    }
}

static void running_statistics_follow_committed_batches(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const Shape s = CASES[i].src;
        const double m = momentum_of(i);
        Bound *b = bind(i, (BoundConfig){0});
        const size_t count = b->src_count / (size_t)s.channels;
        float *mean = bound_values(b, "x.running_mean"), *var = bound_values(b, "x.running_var");
        double *want = xcalloc(2 * (size_t)s.channels, sizeof *want);
        for (int c = 0; c < s.channels; c++) {
            mean[c] = 0;
            var[c] = 1;
            want[s.channels + c] = 1;
        }
        for (int step = 0; step < 2; step++) {
            for (int c = 0; c < s.channels; c++) {
                const Statistics a = statistics_of(b->src, s, c, count);
                want[c] = (1 - m) * want[c] + m * a.mean;
                want[s.channels + c] = (1 - m) * want[s.channels + c]
                                       + m * a.variance * (double)count / ((double)count - 1);
            }
            bound_forward(b);
            bound_backward(b);
            assert_true(step > 0 || (mean[0] == 0 && var[0] == 1));  // not before the end
            program_commit(b->program);
            for (int c = 0; c < s.channels; c++) {
                CHECK_NEAR(mean[c], want[c], 1e-6 * (1 + fabs(want[c])));
                CHECK_NEAR(var[c], want[s.channels + c], 1e-6 * (1 + want[s.channels + c]));
            }
            assert_int_equal(b->params->counters[0], step + 1);
            for (size_t k = 0; k < b->src_count; k++)
                b->src[k] = 2 * b->src[b->src_count - 1 - k] + 1;
        }
        free(want);
        bound_free(b);
    }
}

/* float32 alone would lose all digits of E[x^2] - E[x]^2. */
static void a_mean_far_from_zero_costs_no_digits(void **state)
{
    (void)state;
    Bound *b = bind(4, (BoundConfig){0});
    for (size_t k = 0; k < b->src_count; k++)
        b->src[k] = 1000 + b->src[k];
    bound_forward(b);
    const size_t count = b->src_count / (size_t)CASES[4].src.channels;
    for (int c = 0; c < CASES[4].src.channels; c++)
        check_values(b, 4, c, statistics_of(b->src, CASES[4].src, c, count), 2e-4);
    bound_free(b);
}

/* The bend of a ReLU is far from every value: some channels pass, some do not. */
static Bound *bind_away_from_bends(size_t i)
{
    Bound *b = bind(i, (BoundConfig){0});
    for (int c = 0; CASES[i].norm.relu && c < CASES[i].src.channels; c++)
        bound_values(b, "x.bias")[c] = c % 3 ? 20 : -20;
    return b;
}

static void gradients_match_finite_differences(void **state)
{
    (void)state;
    bound_check_gradients(bind_away_from_bends, COUNT(CASES), 1e-2, 1e-3);
}

/* diff_dst by diff_dst, where the ReLU's result is positive. */
static void the_relu_masks_as_a_relu_node_would(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 <= 1; bf16++) {
        Bound *a = bind(2, (BoundConfig){.bf16 = bf16});
        bound_forward(a);
        bound_backward(a);
        Graph *g = graph_new(CASES[2].src);
        batch_norm(g, graph_input(g), "x", (BatchNorm){0});
        Bound *b = bound_new(g, (BoundConfig){.batch = CASES[2].batch, .seed = 3, .bf16 = bf16});
        memcpy(b->src, a->src, a->src_count * sizeof(float));
        memcpy(b->params->values, a->params->values, a->params->count * sizeof(float));
        bound_forward(b);
        size_t passed = 0;
        for (size_t k = 0; k < a->dst_count; k++) {
            assert_true(a->dst[k] == (b->dst[k] > 0 ? b->dst[k] : 0));
            passed += b->dst[k] > 0;
            b->diff_dst[k] = b->dst[k] > 0 ? a->diff_dst[k] : 0;
        }
        assert_in_range(passed, a->dst_count / 4, a->dst_count * 3 / 4);
        bound_backward(b);
        assert_memory_equal(a->diff_src, b->diff_src, a->src_count * sizeof(float));
        assert_memory_equal(a->params->grads, b->params->grads,
                            a->params->trained_count * sizeof(float));
        bound_free(a);
        bound_free(b);
    }
}

static float rounded(float x)
{
    return bf16_to_float(float_to_bf16(x));
}

static void bf16_is_float32_rounded(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Bound *a = bind(i, (BoundConfig){0}), *b = bind(i, (BoundConfig){.bf16 = true});
        for (size_t k = 0; k < a->src_count; k++) {
            a->src[k] = rounded(a->src[k]);
            a->diff_dst[k] = rounded(a->diff_dst[k]);
        }
        bound_forward(a);
        bound_forward(b);
        bound_backward(a);
        bound_backward(b);
        for (size_t k = 0; k < a->src_count; k++) {
            CHECK_NEAR(b->dst[k], rounded(a->dst[k]), 0.005 * fabs((double)a->dst[k]) + 1e-6);
            CHECK_NEAR(b->diff_src[k], rounded(a->diff_src[k]),
                       0.005 * fabs((double)a->diff_src[k]) + 1e-5);
        }
        for (size_t k = 0; k < a->params->trained_count; k++)
            CHECK_NEAR(b->params->grads[k], a->params->grads[k], 1e-4);
        bound_free(a);
        bound_free(b);
    }
}

static void equal_runs_give_equal_bits(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        bound_threads(threads);
        for (size_t i = 0; i < COUNT(CASES); i++) {
            Bound *a = bind(i, (BoundConfig){.bf16 = i % 2}),
                  *b = bind(i, (BoundConfig){.bf16 = i % 2});
            bound_forward(a);
            bound_backward(a);
            for (int run = 0; run < 3; run++) {
                bound_forward(b);
                bound_backward(b);
                assert_memory_equal(a->dst, b->dst, a->dst_count * sizeof(float));
                assert_memory_equal(a->diff_src, b->diff_src, a->src_count * sizeof(float));
            }
            bound_free(a);
            bound_free(b);
        }
    }
    bound_threads(2);
}

static void a_nan_is_not_lost(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 <= 1; bf16++) {
        for (int evaluation = 0; evaluation <= 1; evaluation++) {
            const BoundConfig config = {.bf16 = bf16, .evaluation = evaluation};
            Bound *b = bind(2, config);
            float *variance = bound_values(b, "x.running_var");
            for (int c = 0; c < CASES[2].src.channels; c++)
                variance[c] = 1;
            const float nans[] = {NAN, -NAN};
            for (int c = 0; c < 2; c++)
                b->src[at(CASES[2].src, c, 4)] = nans[c];
            bound_forward(b);
            for (int c = 0; c < 2; c++) {
                assert_true(isnan(b->dst[at(CASES[2].src, c, 4)]));
                assert_int_equal(isnan(b->dst[at(CASES[2].src, c, 5)]), !evaluation);
            }
            assert_true(!isnan(b->dst[at(CASES[2].src, 2, 4)]));
            if (!evaluation) {
                bound_backward(b);
                assert_true(isnan(b->diff_src[at(CASES[2].src, 1, 5)]));
                assert_true(isnan(bound_grads(b, "x.weight")[1]));
                assert_true(!isnan(bound_grads(b, "x.weight")[2]));
            }
            bound_free(b);
        }
    }
}

/* As in relu.h: where the ReLU's result is a NaN, the gradient passes. */
static void the_relu_lets_gradients_of_nans_pass(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 <= 1; bf16++) {
        Bound *b = bind(2, (BoundConfig){.bf16 = bf16});
        const size_t count = b->src_count / (size_t)CASES[2].src.channels;
        bound_values(b, "x.weight")[5] = -NAN;
        double sum = 0;
        for (size_t p = 0; p < count; p++)
            sum += (double)rounded(b->diff_dst[at(CASES[2].src, 5, p)]);
        bound_forward(b);
        bound_backward(b);
        assert_true(isnan(b->dst[at(CASES[2].src, 5, 0)]));
        CHECK_NEAR(bound_grads(b, "x.bias")[5], sum, 0.05);
        assert_true(fabs(sum) > 0.1);
        bound_free(b);
    }
}

/* One value a channel: it is its own mean, and the variance is 0. */
static void one_value_a_channel_gives_the_bias(void **state)
{
    (void)state;
    Graph *g = graph_new((Shape){20, 1, 1});
    batch_norm(g, graph_input(g), "x", (BatchNorm){0});
    Bound *b = bound_new(g, (BoundConfig){.batch = 1, .seed = 5});
    for (int c = 0; c < 20; c++)
        bound_values(b, "x.running_var")[c] = 1;
    bound_forward(b);
    bound_backward(b);
    program_commit(b->program);
    for (int c = 0; c < 20; c++) {
        assert_true(b->dst[c] == bound_values(b, "x.bias")[c]);
        assert_true(b->diff_src[c] == 0);
        assert_true(bound_grads(b, "x.bias")[c] == b->diff_dst[c]);
        CHECK_NEAR(bound_values(b, "x.running_var")[c], 0.9, 1e-6);
    }
    bound_free(b);
}

static void bad_parameters_are_refused(void **state)
{
    (void)state;
    static const struct {
        BatchNorm norm;
        const char *message;
    } BAD[] = {
        {{.eps = -1}, "x: eps must be 0 or more, got -1"},
        {{.eps = NAN}, "x: eps must be 0 or more, got nan"},
        {{.momentum = 1.5}, "x: momentum must be 0 to 1, got 1.5"},
        {{.momentum = -0.5}, "x: momentum must be 0 to 1, got -0.5"},
    };
    for (size_t i = 0; i < COUNT(BAD); i++) {
        Error err;
        Graph *g = graph_new((Shape){3, 2, 2});
        batch_norm(g, graph_input(g), "x", BAD[i].norm);
        CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID, BAD[i].message);
        graph_free(g);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_and_parameters),
        cmocka_unit_test(training_normalises_by_the_batch),
        cmocka_unit_test(evaluation_normalises_by_the_running_statistics),
        cmocka_unit_test(running_statistics_follow_committed_batches),
        cmocka_unit_test(a_mean_far_from_zero_costs_no_digits),
        cmocka_unit_test(gradients_match_finite_differences),
        cmocka_unit_test(the_relu_masks_as_a_relu_node_would),
        cmocka_unit_test(bf16_is_float32_rounded),
        cmocka_unit_test(equal_runs_give_equal_bits),
        cmocka_unit_test(a_nan_is_not_lost),
        cmocka_unit_test(the_relu_lets_gradients_of_nans_pass),
        cmocka_unit_test(one_value_a_channel_gives_the_bias),
        cmocka_unit_test(bad_parameters_are_refused),
    };
    return RUN_TESTS(tests);
}
