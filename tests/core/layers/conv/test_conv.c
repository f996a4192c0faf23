/* tests/core/layers/conv/test_conv.c */
#include "core/layers/conv/conv.h"
#include "tests/check.h"
#include "tests/core/bound.h"

static void naive(const Bound *b, Shape src, Shape dst, Conv c, const float *weights,
                  const float *bias, float *out)
{
    for (int n = 0; n < b->batch; n++)
        for (int o = 0; o < dst.channels; o++)
            for (int i = 0; i < dst.height; i++)
                for (int j = 0; j < dst.width; j++) {
                    double sum = bias ? bias[o] : 0;
                    for (int k = 0; k < src.channels; k++)
                        for (int u = 0; u < c.kernel; u++)
                            for (int v = 0; v < c.kernel_w; v++) {
                                const int y = i * c.stride + u - c.pad,
                                          x = j * c.stride_w + v - c.pad_w;
                                if (y < 0 || y >= src.height || x < 0 || x >= src.width)
                                    continue;
                                const int at =
                                    ((n * src.channels + k) * src.height + y) * src.width;
                                const int w = ((o * src.channels + k) * c.kernel + u) * c.kernel_w;
                                sum += (double)b->src[at + x] * (double)weights[w + v];
                            }
                    if (c.relu && sum < 0)
                        sum = 0;
                    out[((n * dst.channels + o) * dst.height + i) * dst.width + j] = (float)sum;
                }
}

/* Odd sizes and channels, so that strides, padding, tails of vectors and cut edges all matter. */
static const struct {
    Shape src;
    Conv conv;
    int batch;
    Shape dst;
} CASES[] = {
    {{1, 9, 7}, {.out = 5, .kernel = 7, .stride = 2, .pad = 3}, 3, {5, 5, 4}},
    {{3, 7, 5}, {.out = 17, .kernel = 1, .stride = 1}, 2, {17, 7, 5}},
    {{19, 6, 6}, {.out = 33, .kernel = 3, .stride = 1, .pad = 1}, 1, {33, 6, 6}},
    {{16, 3, 3}, {.out = 24, .kernel = 5, .stride = 1, .pad = 2}, 4, {24, 3, 3}},
    {{4, 8, 11}, {.out = 8, .kernel = 3, .stride = 3, .pad = 0}, 2, {8, 2, 3}},
    {{6, 5, 5}, {.out = 7, .kernel = 3, .stride = 1, .pad = 1, .relu = true}, 2, {7, 5, 5}},
    {{5, 6, 9}, {.out = 16, .kernel = 1, .kernel_w = 7, .pad_w = 3}, 2, {16, 6, 9}},
    {{16, 9, 4}, {.out = 6, .kernel = 7, .kernel_w = 1, .pad = 3, .no_bias = true}, 2, {6, 9, 4}},
    {{3, 8, 9},
     {.out = 16, .kernel = 2, .stride = 2, .kernel_w = 3, .stride_w = 1, .pad_w = 1},
     3,
     {16, 4, 9}},
    {{16, 5, 7}, {.out = 32, .kernel = 3, .pad = 1, .no_bias = true}, 2, {32, 5, 7}},
};

/* As the node has it: 0 for the usual value is gone. */
static Conv resolved(size_t i)
{
    Graph *g = graph_new(CASES[i].src);
    const Node n = conv(g, graph_input(g), "x", CASES[i].conv);
    const Conv c = *(const Conv *)graph_node(g, n)->config;
    graph_free(g);
    return c;
}

static Bound *bind(size_t i, bool own)
{
    Graph *g = graph_new(CASES[i].src);
    conv(g, graph_input(g), "x", CASES[i].conv);
    return bound_new(g, (BoundConfig){.batch = CASES[i].batch, .seed = i, .own_kernels = own});
}

static void shapes_parameters_and_costs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Graph *g = graph_new(CASES[i].src);
        const Node n = conv(g, graph_input(g), "x", CASES[i].conv);
        const Shape dst = graph_shape(g, n);
        const Conv c = resolved(i);
        const int taps = CASES[i].src.channels * c.kernel * c.kernel_w;
        assert_true(shape_equal(dst, CASES[i].dst));
        assert_int_equal(graph_parameter_count(g), c.out * (taps + !c.no_bias));
        assert_int_equal(graph_multiply_adds(g), (int)shape_count(dst) * taps);
        graph_free(g);
    }
}

static void forward_equals_a_naive_loop(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        bound_threads(threads);
        for (size_t i = 0; i < COUNT(CASES); i++) {
            const Conv c = resolved(i);
            Bound *b = bind(i, threads == 2);
            bound_forward(b);
            float *want = xcalloc(b->dst_count, sizeof *want);
            naive(b, CASES[i].src, CASES[i].dst, c, bound_values(b, "x.weight"),
                  c.no_bias ? NULL : bound_values(b, "x.bias"), want);
            for (size_t k = 0; k < b->dst_count; k++)
                CHECK_NEAR(b->dst[k], want[k], 1e-4);
            free(want);
            bound_free(b);
        }
    }
}

static void gradients_match_finite_differences(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads += 2) {
        bound_threads(threads);
        for (size_t i = 0; i < COUNT(CASES); i++) {
            Bound *b = bind(i, threads == 3);
            // A convolution is linear in each number, so a wide step only gains precision; with a
            // ReLU a narrow one keeps clear of the bend.
            const double step = CASES[i].conv.relu ? 1e-3 : 0.25;
            const double error = bound_gradient_error(b, step);
            if (!(error < 5e-3))
                fail_msg("case %zu: gradients differ by %g of the largest", i, error);
            bound_free(b);
        }
    }
}

/* Measuring runs every candidate: nothing of it may stay in the accumulators or in the scratch
 * memory of those that are used. */
static void measured_kernels_start_clean(void **state)
{
    (void)state;
    static const struct {
        Shape src;
        Conv conv;
    } LAYERS[] = {
        {{64, 24, 24}, {.out = 192, .kernel = 3, .stride = 1, .pad = 1}},
        {{128, 6, 6}, {.out = 128, .kernel = 3, .stride = 1, .pad = 1}},
        {{48, 3, 3}, {.out = 128, .kernel = 5, .stride = 1, .pad = 2}},
        {{832, 3, 3}, {.out = 256, .kernel = 1, .stride = 1}},
    };
    for (size_t i = 0; i < COUNT(LAYERS); i++) {
        Bound *bounds[2];
        for (int own = 0; own < 2; own++) {
            Graph *g = graph_new(LAYERS[i].src);
            conv(g, graph_input(g), "x", LAYERS[i].conv);
            bounds[own] = bound_new(g, (BoundConfig){.batch = 8, .seed = i, .own_kernels = own});
            bound_forward(bounds[own]);
            bound_backward(bounds[own]);
        }
        const float *want = bounds[0]->params->grads, *got = bounds[1]->params->grads;
        for (size_t k = 0; k < bounds[0]->params->count; k++)
            CHECK_NEAR(got[k], want[k], 1e-2);
        bound_free(bounds[0]);
        bound_free(bounds[1]);
    }
}

static void a_second_part_of_a_batch_adds_to_the_gradients(void **state)
{
    (void)state;
    Error err = {0};
    Bound *b = bind(2, false);
    bound_forward(b);
    bound_backward(b);
    float *once = xcalloc(b->params->count, sizeof *once);
    memcpy(once, b->params->grads, b->params->count * sizeof *once);
    tensor_write_nchw(program_diff_output(b->program), b->diff_dst);
    CHECK_OK(program_backward(b->program, NULL, NULL, NULL, &err), err);
    for (size_t k = 0; k < b->params->count; k++)
        CHECK_NEAR(b->params->grads[k], 2 * once[k], 1e-4);
    free(once);
    bound_free(b);
}

static void bad_parameters_are_refused(void **state)
{
    (void)state;
    static const struct {
        Conv conv;
        const char *message;
    } BAD[] = {
        {{.out = 0, .kernel = 3}, "a.x: output channels must be 1 or more, got 0"},
        {{.out = 4, .kernel = 0}, "a.x: kernel must be 1 or more, got 0"},
        {{.out = 4, .kernel = 3, .stride = -2}, "a.x: stride must be 1 or more, got -2"},
        {{.out = 4, .kernel = 3, .pad = -1}, "a.x: pad must be 0 or more, got -1"},
        {{.out = 4, .kernel = 3, .kernel_w = 1, .stride_w = -1},
         "a.x: stride must be 1 or more, got 1 x -1"},
        {{.out = 4, .kernel = 1, .kernel_w = 8, .pad_w = 1},
         "a.x: kernel 1 x 8 is larger than the padded image of 7 x 7"},
        {{.out = 4, .kernel = 8, .pad = 1},
         "a.x: kernel 8 is larger than the padded image of 9 x 7"},
    };
    for (size_t i = 0; i < COUNT(BAD); i++) {
        Error err;
        Graph *g = graph_new((Shape){3, 7, 5});
        graph_enter(g, "a");
        assert_int_equal(conv(g, graph_input(g), "x", BAD[i].conv), NODE_NONE);
        CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID, BAD[i].message);
        graph_free(g);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_parameters_and_costs),
        cmocka_unit_test(forward_equals_a_naive_loop),
        cmocka_unit_test(gradients_match_finite_differences),
        cmocka_unit_test(measured_kernels_start_clean),
        cmocka_unit_test(a_second_part_of_a_batch_adds_to_the_gradients),
        cmocka_unit_test(bad_parameters_are_refused),
    };
    return RUN_TESTS(tests);
}
