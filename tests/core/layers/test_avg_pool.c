/* tests/core/layers/test_avg_pool.c */
#include "core/layers/avg_pool.h"

#include "core/net/net.h"
#include "tests/check.h"
#include "tests/core/bound.h"

static const struct {
    Shape src;
    AvgPool pool;
    int batch;
    Shape dst;
} CASES[] = {
    {{3, 7, 5}, {.kernel = 3, .stride = 2, .pad = 1}, 2, {3, 4, 3}},
    {{3, 7, 5}, {.kernel = 3, .stride = 2, .pad = 1, .skip_pads = true}, 2, {3, 4, 3}},
    {{32, 8, 8}, {.kernel = 3, .pad = 1}, 2, {32, 8, 8}},
    {{37, 6, 6}, {.kernel = 3, .pad = 1, .skip_pads = true}, 3, {37, 6, 6}},
    {{2, 8, 9}, {.kernel = 2, .stride = 2}, 3, {2, 4, 4}},
    {{16, 5, 5}, {.kernel = 5, .stride = 3}, 1, {16, 1, 1}},
    {{48, 9, 8}, {.kernel = 3, .kernel_w = 2, .stride = 2, .stride_w = 3, .pad = 1}, 2, {48, 5, 3}},
    {{18, 4, 9}, {.kernel = 1, .kernel_w = 7, .pad_w = 3, .skip_pads = true}, 2, {18, 4, 9}},
    {{1, 9, 4}, {.kernel = 7, .kernel_w = 1, .pad = 3}, 1, {1, 9, 4}},
};

static Bound *bind(size_t i, bool bf16)
{
    Graph *g = graph_new(CASES[i].src);
    avg_pool(g, graph_input(g), "x", CASES[i].pool);
    return bound_new(g, (BoundConfig){.batch = CASES[i].batch, .seed = i, .bf16 = bf16});
}

static void shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Graph *g = graph_new(CASES[i].src);
        const Node n = avg_pool(g, graph_input(g), "x", CASES[i].pool);
        assert_true(shape_equal(graph_shape(g, n), CASES[i].dst));
        assert_int_equal(graph_parameter_count(g), 0);
        graph_free(g);
    }
}

/* What pixel (y, x) of a plane should be. */
static double mean_of(const float *src, Shape shape, const AvgPool *p, int y, int x)
{
    double sum = 0;
    int pixels = 0;
    for (int u = 0; u < p->kernel; u++)
        for (int v = 0; v < p->kernel_w; v++) {
            const int r = y * p->stride + u - p->pad, c = x * p->stride_w + v - p->pad_w;
            const bool inside = r >= 0 && r < shape.height && c >= 0 && c < shape.width;
            sum += inside ? (double)src[r * shape.width + c] : 0;
            pixels += inside || !p->skip_pads;
        }
    return sum / pixels;
}

/* In bfloat16, the result is rounded, and what it is computed from as well. */
static void forward_equals_a_naive_loop(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(CASES); i++) {
        const bool bf16 = i % 2;
        if (bf16 && !net_bf16_is_fast())
            continue;
        Bound *b = bind(i / 2, bf16);
        const Shape src = CASES[i / 2].src, dst = CASES[i / 2].dst;
        const AvgPool *p = graph_node(b->graph, 1)->config;
        bound_forward(b);
        for (int n = 0; n < b->batch * src.channels; n++)
            for (int y = 0; y < dst.height; y++)
                for (int x = 0; x < dst.width; x++)
                    CHECK_NEAR(b->dst[(n * dst.height + y) * dst.width + x],
                               mean_of(b->src + n * src.height * src.width, src, p, y, x),
                               bf16 ? 8e-3 : 1e-6);
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
    bound_check_gradients(bind_float32, COUNT(CASES), 0.25, 1e-4);
}

static void bfloat16_gives_float32s_gradients(void **state)
{
    (void)state;
    if (!net_bf16_is_fast())
        skip();
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Bound *exact = bind(i, false), *b = bind(i, true);
        bound_forward(exact);
        bound_forward(b);
        bound_backward(exact);
        bound_backward(b);
        for (size_t k = 0; k < b->src_count; k++)
            CHECK_NEAR(b->diff_src[k], exact->diff_src[k], 8e-3);
        bound_free(exact);
        bound_free(b);
    }
}

static void a_nan_is_not_lost(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 <= net_bf16_is_fast(); bf16++) {
        Bound *b = bind(2, bf16);
        b->src[9] = NAN;  // channel 0, pixel (1, 1)
        bound_forward(b);
        int lost = 0;
        for (int y = 0; y < 3; y++)
            for (int x = 0; x < 3; x++)
                lost += !isnan(b->dst[8 * y + x]);
        assert_int_equal(lost, 0);
        bound_free(b);
    }
}

static void bad_parameters_are_refused(void **state)
{
    (void)state;
    static const struct {
        AvgPool pool;
        const char *message;
    } BAD[] = {
        {{.kernel = 0}, "x: kernel must be 1 or more, got 0"},
        {{.kernel = 3, .stride = -1}, "x: stride must be 1 or more, got -1"},
        {{.kernel = 3, .pad = 2}, "x: pad must be 0 to half the kernel of 3, got 2"},
        {{.kernel = 1, .kernel_w = 3, .pad = 1},
         "x: pad must be 0 to half the kernel of 1 x 3, got 1 x 0"},
        {{.kernel = 8}, "x: kernel 8 is larger than the padded image of 7 x 5"},
    };
    for (size_t i = 0; i < COUNT(BAD); i++) {
        Error err;
        Graph *g = graph_new((Shape){3, 7, 5});
        avg_pool(g, graph_input(g), "x", BAD[i].pool);
        CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID, BAD[i].message);
        graph_free(g);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(forward_equals_a_naive_loop),
        cmocka_unit_test(gradients_match_finite_differences),
        cmocka_unit_test(bfloat16_gives_float32s_gradients),
        cmocka_unit_test(a_nan_is_not_lost),
        cmocka_unit_test(bad_parameters_are_refused),
    };
    return RUN_TESTS(tests);
}
