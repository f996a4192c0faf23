/* tests/core/layers/test_add.c */
#include "core/base/numbers/bf16.h"
#include "core/layers/add.h"
#include "core/layers/avg_pool.h"
#include "core/layers/conv/conv.h"
#include "core/layers/relu.h"
#include "core/layers/slice.h"
#include "core/net/net.h"
#include "core/net/rewrites.h"
#include "tests/check.h"
#include "tests/core/bound.h"
#include "tests/core/kernels/nan_bits.h"

/* The input holds both sources, side by side along the channels. */
static const struct {
    Shape src;  // of each
    float scale;
    bool relu;
    int batch;
} CASES[] = {
    {{3, 7, 5}, 0, false, 2},      {{3, 7, 5}, 0, true, 2},
    {{17, 4, 4}, 0.25f, false, 3}, {{17, 4, 4}, 0.25f, true, 3},
    {{1, 1, 1}, -2, false, 1},     {{64, 9, 9}, 0.3f, true, 2},  // more than one chunk
};

static Bound *bind(size_t i, bool bf16)
{
    const Shape s = CASES[i].src;
    Graph *g = graph_new((Shape){2 * s.channels, s.height, s.width});
    const Node a = slice(g, graph_input(g), "a", (Slice){.channels = s.channels});
    const Node b =
        slice(g, graph_input(g), "b", (Slice){.first = s.channels, .channels = s.channels});
    add(g, a, b, "x", (Add){.scale = CASES[i].scale, .relu = CASES[i].relu});
    return bound_new(g, (BoundConfig){.batch = CASES[i].batch, .seed = i, .bf16 = bf16});
}

/* Where, in the input, number k of the first source is; the second is `plane` numbers on. */
static size_t first_at(size_t k, size_t plane)
{
    return k / plane * 2 * plane + k % plane;
}

static float rounded(float x, bool bf16)
{
    return bf16 ? bf16_to_float(float_to_bf16(x)) : x;
}

static void shapes(void **state)
{
    (void)state;
    Graph *g = graph_new((Shape){3, 7, 5});
    const Node n = add(g, graph_input(g), graph_input(g), "x", (Add){0});
    assert_true(shape_equal(graph_shape(g, n), (Shape){3, 7, 5}));
    assert_int_equal(graph_parameter_count(g), 0);
    graph_free(g);
}

/* Equal bits: one sum in float32, rounded once. */
static void forward_equals_a_naive_loop(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(CASES); i++) {
        const bool bf16 = i % 2;
        Bound *b = bind(i / 2, bf16);
        const size_t plane = shape_count(CASES[i / 2].src);
        const float scale = CASES[i / 2].scale != 0 ? CASES[i / 2].scale : 1;
        bound_forward(b);
        for (size_t k = 0; k < b->dst_count; k++) {
            const float *src = b->src + first_at(k, plane);
            const float scaled = scale * rounded(src[plane], bf16);
            const float sum = rounded(rounded(src[0], bf16) + scaled, bf16);
            assert_true(b->dst[k] == (CASES[i / 2].relu && sum < 0 ? 0 : sum));
        }
        bound_free(b);
    }
}

static void backward_equals_a_naive_loop(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(CASES); i++) {
        const bool bf16 = i % 2;
        Bound *b = bind(i / 2, bf16);
        const size_t plane = shape_count(CASES[i / 2].src);
        const float scale = CASES[i / 2].scale != 0 ? CASES[i / 2].scale : 1;
        bound_forward(b);
        bound_backward(b);
        for (size_t k = 0; k < b->dst_count; k++) {
            const float *diff = b->diff_src + first_at(k, plane);
            const bool masked = CASES[i / 2].relu && b->dst[k] <= 0;
            const float want = masked ? 0 : rounded(b->diff_dst[k], bf16);
            assert_true(diff[0] == want);
            assert_true(diff[plane] == rounded(scale * want, bf16));
        }
        bound_free(b);
    }
}

static void gradients_match_finite_differences(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        bound_threads(threads);
        for (size_t i = 0; i < COUNT(CASES); i++) {
            Bound *b = bind(i, false);
            assert_true(bound_gradient_error(b, CASES[i].relu ? 1e-4 : 0.25) < 1e-2);
            bound_free(b);
        }
    }
}

/* x + 0.5 x: both gradients come back to the one source. */
static void a_node_may_be_added_to_itself(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        Graph *g = graph_new((Shape){5, 3, 3});
        add(g, graph_input(g), graph_input(g), "x", (Add){.scale = 0.5f});
        Bound *b = bound_new(g, (BoundConfig){.batch = 2, .seed = 3, .bf16 = bf16});
        bound_forward(b);
        bound_backward(b);
        for (size_t k = 0; k < b->dst_count; k++) {
            const float src = rounded(b->src[k], bf16), diff = rounded(b->diff_dst[k], bf16);
            assert_true(b->dst[k] == rounded(src + 0.5f * src, bf16));
            assert_true(b->diff_src[k] == rounded(diff + 0.5f * diff, bf16));
        }
        bound_free(b);
    }
}

/* The input of a block goes round it and through it: x + conv(x). */
static void a_residual_block_has_both_gradients(void **state)
{
    (void)state;
    Graph *g = graph_new((Shape){4, 5, 5});
    const Node y = conv(g, graph_input(g), "c", (Conv){.out = 4, .kernel = 3, .pad = 1});
    relu(g, add(g, y, graph_input(g), "x", (Add){.scale = 0.3f}), "r");
    Bound *b = bound_new(g, (BoundConfig){.batch = 2, .seed = 6});
    assert_true(bound_gradient_error(b, 1e-3) < 1e-2);
    bound_free(b);
}

/* Where a source is the input, whose gradient nobody wants. */
static void only_the_gradients_that_are_wanted_are_computed(void **state)
{
    (void)state;
    for (int second = 0; second < 2; second++) {
        Graph *g = graph_new((Shape){4, 5, 5});
        const Node x = graph_input(g);
        const Node y = conv(g, x, "c", (Conv){.out = 4, .kernel = 1});
        add(g, second ? x : y, second ? y : x, "x", (Add){.scale = 2, .relu = true});
        Bound *b = bound_new(g, (BoundConfig){.batch = 2, .seed = 6, .no_diff_input = true});
        assert_true(bound_gradient_error(b, 1e-4) < 1e-2);
        bound_free(b);
    }
}

/* Equal bits: the ReLU is the same in either place. */
static void a_relu_may_be_folded_in(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 <= net_bf16_is_fast(); bf16++) {
        Bound *bounds[2];
        for (int folded = 0; folded < 2; folded++) {
            Graph *g = graph_new((Shape){6, 7, 5});
            const Node c = conv(g, graph_input(g), "c", (Conv){.out = 6, .kernel = 1});
            const Node r = relu(g, add(g, graph_input(g), c, "x", (Add){.scale = 0.2f}), "r");
            avg_pool(g, r, "p", (AvgPool){.kernel = 1});  // does not keep what it reads
            if (folded) {
                Graph *plain = g;
                g = rewrite_fold_relu(plain);
                graph_free(plain);
                assert_int_equal(graph_find(g, "r"), NODE_NONE);
                assert_true(((const Add *)graph_node(g, graph_find(g, "x"))->config)->relu);
            }
            Bound *b = bounds[folded] =
                bound_new(g, (BoundConfig){.batch = 3, .seed = 7, .bf16 = bf16});
            bound_forward(b);
            bound_backward(b);
        }
        const Bound *plain = bounds[0], *folded = bounds[1];
        assert_memory_equal(plain->dst, folded->dst, plain->dst_count * sizeof(float));
        assert_memory_equal(plain->diff_src, folded->diff_src, plain->src_count * sizeof(float));
        assert_memory_equal(plain->params->grads, folded->params->grads,
                            plain->params->trained_count * sizeof(float));
        bound_free(bounds[0]);
        bound_free(bounds[1]);
    }
}

/* A sum that somebody else reads before the ReLU stays what it is. */
static void a_sum_with_another_reader_keeps_its_relu_apart(void **state)
{
    (void)state;
    Graph *g = graph_new((Shape){6, 7, 5});
    const Node sum = add(g, graph_input(g), graph_input(g), "x", (Add){0});
    add(g, relu(g, sum, "r"), sum, "y", (Add){0});
    Graph *out = rewrite_fold_relu(g);
    assert_true(graph_find(out, "r") != NODE_NONE);
    assert_false(((const Add *)graph_node(out, graph_find(out, "x"))->config)->relu);
    graph_free(out);
    graph_free(g);
}

static void a_nan_is_not_lost(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4 * 4; i++) {
        const bool bf16 = i % 2, second = i / 2 % 2;
        Bound *b = bind(5, bf16);
        const size_t plane = shape_count(CASES[5].src), at = 40;
        b->src[at + (second ? plane : 0)] = float_of_bits(ODD_BITS[i / 4]);
        bound_forward(b);
        assert_true(isnan(b->dst[at]));
        bound_backward(b);
        assert_true(b->diff_src[at] == rounded(b->diff_dst[at], bf16));
        b->diff_dst[at] = float_of_bits(ODD_BITS[i / 4]);
        bound_forward(b);
        bound_backward(b);
        assert_true(isnan(b->diff_src[at]) && isnan(b->diff_src[at + plane]));
        bound_free(b);
    }
}

static void bad_parameters_are_refused(void **state)
{
    (void)state;
    Error err;
    Graph *g = graph_new((Shape){3, 7, 5});
    const Node c = conv(g, graph_input(g), "c", (Conv){.out = 4, .kernel = 1});
    add(g, graph_input(g), c, "x", (Add){0});
    CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID,
                  "x: cannot add maps of 3 x 7 x 5 and 4 x 7 x 5");
    graph_free(g);
    g = graph_new((Shape){3, 7, 5});
    add(g, graph_input(g), graph_input(g), "x", (Add){.scale = INFINITY});
    CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID,
                  "x: scale must be a finite number, got inf");
    graph_free(g);
    g = graph_new((Shape){3, 7, 5});
    add(g, graph_input(g), NODE_NONE, "x", (Add){0});
    CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID, "x: source 1 is not a node");
    graph_free(g);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(forward_equals_a_naive_loop),
        cmocka_unit_test(backward_equals_a_naive_loop),
        cmocka_unit_test(gradients_match_finite_differences),
        cmocka_unit_test(a_node_may_be_added_to_itself),
        cmocka_unit_test(a_residual_block_has_both_gradients),
        cmocka_unit_test(only_the_gradients_that_are_wanted_are_computed),
        cmocka_unit_test(a_relu_may_be_folded_in),
        cmocka_unit_test(a_sum_with_another_reader_keeps_its_relu_apart),
        cmocka_unit_test(a_nan_is_not_lost),
        cmocka_unit_test(bad_parameters_are_refused),
    };
    return RUN_TESTS(tests);
}
