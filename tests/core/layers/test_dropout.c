/* tests/core/layers/test_dropout.c */
#include "core/layers/dropout.h"

#include "core/base/numbers/bf16.h"
#include "core/base/numbers/philox.h"
#include "core/layers/conv/conv.h"
#include "core/net/net.h"
#include "tests/check.h"
#include "tests/core/bound.h"

static const struct {
    Shape src;
    float rate;
    int batch;
} CASES[] = {
    {{3, 7, 5}, 0.5F, 2},    {{4096, 1, 1}, 0.3F, 5},  // two chunks of an example
    {{17, 13, 11}, 0.9F, 3}, {{1, 1, 1}, 0.5F, 1},    {{30, 4, 4}, 0, 2},
};

static const StepContext STEP = {.seed = 42, .step = 3, .first_example = 0};

static Bound *bind_named(Shape src, float rate, const char *name, BoundConfig how)
{
    Graph *g = graph_new(src);
    dropout(g, graph_input(g), name, (Dropout){.rate = rate});
    Bound *b = bound_new(g, how);
    b->step = STEP;
    for (size_t k = 0; k < b->src_count; k++)
        b->src[k] += b->src[k] == 0;
    for (size_t k = 0; k < b->dst_count; k++)
        b->diff_dst[k] += b->diff_dst[k] == 0;
    return b;
}

static Bound *bind(size_t i, bool bf16)
{
    return bind_named(CASES[i].src, CASES[i].rate, "x",
                      (BoundConfig){.batch = CASES[i].batch, .seed = i, .bf16 = bf16});
}

static float rounded(float x, bool bf16)
{
    return bf16 ? bf16_to_float(float_to_bf16(x)) : x;
}

static void shape_stays(void **state)
{
    (void)state;
    Graph *g = graph_new((Shape){3, 7, 5});
    const Node n = dropout(g, graph_input(g), "x", (Dropout){.rate = 0.5F});
    assert_true(shape_equal(graph_shape(g, n), (Shape){3, 7, 5}));
    assert_int_equal(graph_parameter_count(g), 0);
    graph_free(g);
}

static void numbers_are_dropped_or_scaled(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(CASES); i++) {
        const bool bf16 = i % 2;
        Bound *b = bind(i / 2, bf16);
        const float rate = CASES[i / 2].rate, scale = 1 / (1 - rate);
        bound_forward(b);
        size_t zeros = 0;
        for (size_t k = 0; k < b->dst_count; k++) {
            const float kept = rounded(rounded(b->src[k], bf16) * scale, bf16);
            zeros += b->dst[k] == 0;
            assert_true(b->dst[k] == 0 || b->dst[k] == kept);
        }
        const double count = (double)b->dst_count, p = (double)rate;
        CHECK_NEAR((double)zeros, count * p, 5 * sqrt(count * p * (1 - p)));
        bound_free(b);
    }
}

/* The definition, number by number: channels-last, four to a counter. */
static void the_mask_is_philoxs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const Shape s = CASES[i].src;
        Bound *b = bind(i, false);
        b->step.step = ((int64_t)5 << 32) + 6;
        bound_forward(b);
        const PhiloxKey key = philox_key(STEP.seed, "x");
        for (int n = 0; n < b->batch; n++)
            for (int c = 0; c < s.channels; c++)
                for (int p = 0; p < s.height * s.width; p++) {
                    const uint32_t k = (uint32_t)(p * s.channels + c);
                    const Philox four = philox(key, (Philox){{k / 4, (uint32_t)n, 6, 5}});
                    const bool dropped = four.x[k % 4] < (double)CASES[i].rate * 0x1p32;
                    const int at = (n * s.channels + c) * s.height * s.width + p;
                    assert_int_equal(b->dst[at] == 0, dropped);
                }
        bound_free(b);
    }
}

static void gradients_have_the_same_mask(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(CASES); i++) {
        const bool bf16 = i % 2;
        Bound *b = bind(i / 2, bf16);
        const float scale = 1 / (1 - CASES[i / 2].rate);
        bound_forward(b);
        bound_backward(b);
        for (size_t k = 0; k < b->src_count; k++) {
            const float kept = rounded(rounded(b->diff_dst[k], bf16) * scale, bf16);
            assert_true(b->diff_src[k] == (b->dst[k] == 0 ? 0 : kept));
        }
        bound_free(b);
    }
}

static void gradients_match_finite_differences(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        bound_threads(threads);
        for (size_t i = 0; i + 1 < COUNT(CASES); i++) {
            if (shape_count(CASES[i].src) == 1)
                continue;  // dropped, perhaps
            Bound *b = bind(i, false);
            assert_true(bound_gradient_error(b, 0.25) < 1e-3);
            bound_free(b);
        }
    }
}

/* Whether two masks of the same length are equal. */
static bool equal_masks(const float *a, const float *b, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        if ((a[k] == 0) != (b[k] == 0))
            return false;
    }
    return true;
}

/* A batch of six, whole and as parts of 4 and 2, by teams of one to three threads. */
static void the_mask_depends_on_neither_parts_nor_threads(void **state)
{
    (void)state;
    const Shape s = {33, 9, 9};
    const size_t example = shape_count(s);
    for (int t = 0; t < 3; t++) {
        bound_threads(1);
        Bound *whole = bind_named(s, 0.5F, "x", (BoundConfig){.batch = 6});
        bound_forward(whole);
        bound_threads(t + 1);
        for (int first = 0; first < 6; first += 4) {
            const int count = first == 0 ? 4 : 2;
            Bound *part = bind_named(s, 0.5F, "x", (BoundConfig){.batch = count, .bf16 = t % 2});
            part->step.first_example = first;
            bound_forward(part);
            assert_true(equal_masks(part->dst, whole->dst + (size_t)first * example,
                                    (size_t)count * example));
            bound_free(part);
        }
        bound_free(whole);
    }
}

static void seed_step_node_and_example_change_the_mask(void **state)
{
    (void)state;
    const Shape s = {64, 3, 3};
    const BoundConfig how = {.batch = 2};
    Bound *b = bind_named(s, 0.5F, "x", how), *other = bind_named(s, 0.5F, "y", how);
    bound_forward(b);
    bound_forward(other);
    assert_false(equal_masks(b->dst, other->dst, b->dst_count));
    assert_false(equal_masks(b->dst, b->dst + b->dst_count / 2, b->dst_count / 2));
    static const StepContext STEPS[] = {{.seed = 42, .step = 4},
                                        {.seed = 43, .step = 3},
                                        {.seed = 42, .step = ((int64_t)1 << 32) + 3},
                                        {.seed = 42 + ((uint64_t)1 << 32), .step = 3},
                                        {.seed = 42, .step = 3, .first_example = 2}};
    Bound *again = bind_named(s, 0.5F, "x", how);
    for (size_t i = 0; i < COUNT(STEPS); i++) {
        again->step = STEPS[i];
        bound_forward(again);
        assert_false(equal_masks(b->dst, again->dst, b->dst_count));
    }
    again->step = STEP;  // whatever was drawn in between
    bound_forward(again);
    assert_true(equal_masks(b->dst, again->dst, b->dst_count));
    bound_free(b);
    bound_free(other);
    bound_free(again);
}

/* Between two layers that compute: neither a copy nor memory of its own. */
static void evaluation_costs_nothing(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 <= net_bf16_is_fast(); bf16++) {
        size_t bytes[2];
        Bound *bounds[2];
        for (int with = 0; with < 2; with++) {
            Graph *g = graph_new((Shape){16, 6, 6});
            Node x = conv(g, graph_input(g), "a", (Conv){.out = 16, .kernel = 3, .pad = 1});
            if (with)
                x = dropout(g, x, "x", (Dropout){.rate = 0.5F});
            conv(g, x, "b", (Conv){.out = 16, .kernel = 1});
            Bound *b = bounds[with] = bound_new(
                g, (BoundConfig){.batch = 3, .seed = 5, .bf16 = bf16, .evaluation = true});
            bound_forward(b);
            bytes[with] = program_arena_bytes(b->program);
        }
        assert_int_equal(bytes[0], bytes[1]);
        assert_memory_equal(bounds[0]->dst, bounds[1]->dst, bounds[0]->dst_count * sizeof(float));
        bound_free(bounds[0]);
        bound_free(bounds[1]);
    }
}

static void evaluation_of_a_last_node_is_the_identity(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        Bound *b = bind_named((Shape){5, 3, 3}, 0.5F, "x",
                              (BoundConfig){.batch = 2, .bf16 = bf16, .evaluation = true});
        bound_forward(b);
        for (size_t k = 0; k < b->dst_count; k++)
            assert_true(b->dst[k] == rounded(b->src[k], bf16));
        bound_free(b);
    }
}

static void a_nan_is_not_lost(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        Bound *b = bind(0, bf16);
        for (size_t k = 0; k < b->src_count; k++)
            b->src[k] = b->diff_dst[k] = k % 2 ? -NAN : NAN;
        bound_forward(b);
        bound_backward(b);
        for (size_t k = 0; k < b->src_count; k++)
            assert_true(isnan(b->dst[k]) && isnan(b->diff_src[k]));
        bound_free(b);
    }
}

static void bad_rates_are_refused(void **state)
{
    (void)state;
    static const struct {
        float rate;
        const char *message;
    } BAD[] = {{1, "x: rate must be 0 or more and below 1, got 1"},
               {-0.25F, "x: rate must be 0 or more and below 1, got -0.25"},
               {NAN, "x: rate must be 0 or more and below 1, got nan"}};
    for (size_t i = 0; i < COUNT(BAD); i++) {
        Error err;
        Graph *g = graph_new((Shape){3, 7, 5});
        dropout(g, graph_input(g), "x", (Dropout){.rate = BAD[i].rate});
        CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID, BAD[i].message);
        graph_free(g);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape_stays),
        cmocka_unit_test(numbers_are_dropped_or_scaled),
        cmocka_unit_test(the_mask_is_philoxs),
        cmocka_unit_test(gradients_have_the_same_mask),
        cmocka_unit_test(gradients_match_finite_differences),
        cmocka_unit_test(the_mask_depends_on_neither_parts_nor_threads),
        cmocka_unit_test(seed_step_node_and_example_change_the_mask),
        cmocka_unit_test(evaluation_costs_nothing),
        cmocka_unit_test(evaluation_of_a_last_node_is_the_identity),
        cmocka_unit_test(a_nan_is_not_lost),
        cmocka_unit_test(bad_rates_are_refused),
    };
    return RUN_TESTS(tests);
}
