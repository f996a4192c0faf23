/* tests/core/layers/test_linear.c */
#include "core/layers/linear.h"

#include "core/base/numbers/bf16.h"
#include "core/net/net.h"
#include "tests/check.h"
#include "tests/core/bound.h"

static const struct {
    Shape src;
    Linear linear;
    int batch;
} CASES[] = {
    {{37, 1, 1}, {.out = 10}, 3},
    {{5, 3, 2}, {.out = 7}, 2},
    {{1, 1, 1}, {.out = 1}, 1},
    {{64, 1, 1}, {.out = 129}, 5},
    {{48, 5, 5}, {.out = 70}, 6},
    {{1, 4, 6}, {.out = 3}, 2},
    {{16, 3, 2}, {.out = 33, .no_bias = true}, 4},
    {{20, 1, 1}, {.out = 8, .no_bias = true}, 1},
};

static Bound *bind(size_t i, bool bf16)
{
    Graph *g = graph_new(CASES[i].src);
    linear(g, graph_input(g), "x", CASES[i].linear);
    return bound_new(g, (BoundConfig){.batch = CASES[i].batch, .seed = i, .bf16 = bf16});
}

static void shapes_parameters_and_costs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const int in = (int)shape_count(CASES[i].src), out = CASES[i].linear.out;
        Graph *g = graph_new(CASES[i].src);
        const Node n = linear(g, graph_input(g), "x", CASES[i].linear);
        assert_true(shape_equal(graph_shape(g, n), (Shape){out, 1, 1}));
        assert_int_equal(graph_parameter_count(g), (in + !CASES[i].linear.no_bias) * out);
        assert_int_equal(graph_multiply_adds(g), in * out);
        graph_free(g);
    }
}

static float rounded(float x, bool bf16)
{
    return bf16 ? bf16_to_float(float_to_bf16(x)) : x;
}

/* What dst[n][o] should be: the numbers of an image in the order channels, rows, columns. In
 * bfloat16, source and weights are rounded, and the result, as the last of the network, is not. */
static double output(Bound *b, size_t i, int n, int o, bool bf16)
{
    const int in = (int)shape_count(CASES[i].src);
    const float *weights = bound_values(b, "x.weight") + o * in, *src = b->src + n * in;
    double sum = CASES[i].linear.no_bias ? 0 : (double)bound_values(b, "x.bias")[o];
    for (int k = 0; k < in; k++)
        sum += (double)rounded(weights[k], bf16) * (double)rounded(src[k], bf16);
    return sum;
}

static void forward_equals_a_naive_loop(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(CASES); i++) {
        const bool bf16 = i % 2;
        if (bf16 && !net_bf16_is_fast())
            continue;
        Bound *b = bind(i / 2, bf16);
        const int out = CASES[i / 2].linear.out;
        bound_forward(b);
        for (int n = 0; n < b->batch; n++)
            for (int o = 0; o < out; o++)
                CHECK_NEAR(b->dst[n * out + o], output(b, i / 2, n, o, bf16), 1e-4);
        bound_free(b);
    }
}

/* weights[o][k] gets the sum of diff_dst[n][o] * src[n][k] over n, bias[o] that of diff_dst[n][o],
 * src[n][k] the sum of diff_dst[n][o] * weights[o][k] over o. */
static void check_gradients(Bound *b, size_t i, bool bf16)
{
    const int in = (int)shape_count(CASES[i].src), out = CASES[i].linear.out;
    const float *weights = bound_values(b, "x.weight"), *weights_grad = bound_grads(b, "x.weight");
    for (int o = 0; o < out; o++) {
        double bias = 0;
        for (int n = 0; n < b->batch; n++)
            bias += (double)rounded(b->diff_dst[n * out + o], bf16);
        if (!CASES[i].linear.no_bias)
            CHECK_NEAR(bound_grads(b, "x.bias")[o], bias, 1e-4);
        for (int k = 0; k < in; k++) {
            double sum = 0;
            for (int n = 0; n < b->batch; n++)
                sum += (double)rounded(b->diff_dst[n * out + o], bf16)
                       * (double)rounded(b->src[n * in + k], bf16);
            CHECK_NEAR(weights_grad[o * in + k], sum, 1e-4);
        }
    }
    for (int n = 0; n < b->batch; n++)
        for (int k = 0; k < in; k++) {
            double sum = 0;
            for (int o = 0; o < out; o++)
                sum += (double)rounded(b->diff_dst[n * out + o], bf16)
                       * (double)rounded(weights[o * in + k], bf16);
            CHECK_NEAR(b->diff_src[n * in + k], sum, bf16 ? 4e-3 * fabs(sum) + 1e-4 : 1e-4);
        }
}

static void backward_equals_a_naive_loop(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(CASES); i++) {
        const bool bf16 = i % 2;
        if (bf16 && !net_bf16_is_fast())
            continue;
        Bound *b = bind(i / 2, bf16);
        bound_forward(b);
        bound_backward(b);
        check_gradients(b, i / 2, bf16);
        bound_free(b);
    }
}

/* The second part of a batch adds its gradients to those of the first. */
static void parts_of_a_batch_add_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(CASES); i++) {
        if (i % 2 && !net_bf16_is_fast())
            continue;
        Bound *b = bind(i / 2, i % 2);
        for (size_t k = 0; k < b->params->count; k++)
            b->params->grads[k] = NAN;  // of a batch before
        bound_forward(b);
        bound_backward(b);
        const size_t count = b->params->count;
        float *once = xcalloc(count, sizeof *once);
        memcpy(once, b->params->grads, count * sizeof *once);
        Error err = {0};
        CHECK_OK(program_forward(b->program, b->step, NULL, &err), err);
        tensor_write_nchw(program_diff_output(b->program), b->diff_dst);
        CHECK_OK(program_backward(b->program, NULL, NULL, NULL, &err), err);
        for (size_t k = 0; k < count; k++)
            CHECK_NEAR(b->params->grads[k], 2 * (double)once[k], 1e-5);
        free(once);
        bound_free(b);
    }
}

static Bound *bind_float32(size_t i)
{
    return bind(i, false);
}

static void gradients_match_finite_differences(void **state)
{
    (void)state;
    bound_check_gradients(bind_float32, COUNT(CASES), 0.25, 5e-3);
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
        cmocka_unit_test(backward_equals_a_naive_loop),
        cmocka_unit_test(parts_of_a_batch_add_up),
        cmocka_unit_test(gradients_match_finite_differences),
        cmocka_unit_test(bad_parameters_are_refused),
    };
    return RUN_TESTS(tests);
}
