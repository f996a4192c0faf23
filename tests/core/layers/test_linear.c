/* tests/core/layers/test_linear.c */
#include "core/layers/linear.h"
#include "tests/check.h"
#include "tests/core/bound.h"

static const struct {
    Shape src;
    int out;
    int batch;
} CASES[] = {
    {{37, 1, 1}, 10, 3},
    {{5, 3, 2}, 7, 2},
    {{1, 1, 1}, 1, 1},
    {{64, 1, 1}, 129, 5},
};

static Bound *bind(size_t i)
{
    Graph *g = graph_new(CASES[i].src);
    linear(g, graph_input(g), "x", (Linear){.out = CASES[i].out});
    return bound_new(g, (BoundConfig){.batch = CASES[i].batch, .seed = i});
}

static void shapes_parameters_and_costs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const int in = (int)shape_count(CASES[i].src);
        Graph *g = graph_new(CASES[i].src);
        const Node n = linear(g, graph_input(g), "x", (Linear){.out = CASES[i].out});
        assert_true(shape_equal(graph_shape(g, n), (Shape){CASES[i].out, 1, 1}));
        assert_int_equal(graph_parameter_count(g), (in + 1) * CASES[i].out);
        assert_int_equal(graph_multiply_adds(g), in * CASES[i].out);
        graph_free(g);
    }
}

static void forward_equals_a_naive_loop(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const int in = (int)shape_count(CASES[i].src), out = CASES[i].out;
        Bound *b = bind(i);
        bound_forward(b);
        const float *weights = bound_values(b, "x.weight"), *bias = bound_values(b, "x.bias");
        for (int n = 0; n < b->batch; n++)
            for (int o = 0; o < out; o++) {
                double want = bias[o];
                for (int k = 0; k < in; k++)
                    want += (double)weights[o * in + k] * (double)b->src[n * in + k];
                CHECK_NEAR(b->dst[n * out + o], want, 1e-4);
            }
        bound_free(b);
    }
}

static void gradients_match_finite_differences(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads += 2) {
        bound_threads(threads);
        for (size_t i = 0; i < COUNT(CASES); i++) {
            Bound *b = bind(i);
            assert_true(bound_gradient_error(b, 0.25) < 5e-3);
            bound_free(b);
        }
    }
}

static void bad_parameters_are_refused(void **state)
{
    (void)state;
    Error err;
    Graph *g = graph_new((Shape){3, 1, 1});
    linear(g, graph_input(g), "x", (Linear){.out = -4});
    CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID, "x: outputs must be 1 or more, got -4");
    graph_free(g);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_parameters_and_costs),
        cmocka_unit_test(forward_equals_a_naive_loop),
        cmocka_unit_test(gradients_match_finite_differences),
        cmocka_unit_test(bad_parameters_are_refused),
    };
    return RUN_TESTS(tests);
}
