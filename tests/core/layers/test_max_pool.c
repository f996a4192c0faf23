/* tests/core/layers/test_max_pool.c */
#include "core/layers/max_pool.h"

#include "core/base/numbers/rng.h"
#include "core/layers/conv/conv.h"
#include "tests/check.h"
#include "tests/core/bound.h"
#include "tests/core/kernels/nan_bits.h"

static const struct {
    Shape src;
    Pool pool;
    int batch;
    Shape dst;
} CASES[] = {
    {{3, 7, 5}, {.kernel = 3, .stride = 2, .pad = 1}, 2, {3, 4, 3}},
    {{17, 6, 6}, {.kernel = 3, .stride = 1, .pad = 1}, 1, {17, 6, 6}},
    {{2, 8, 9}, {.kernel = 2, .stride = 2}, 3, {2, 4, 4}},
    {{1, 3, 3}, {.kernel = 3, .stride = 1}, 1, {1, 1, 1}},
    {{5, 9, 8}, {.kernel = 3, .kernel_w = 2, .stride = 2, .stride_w = 3, .pad = 1}, 2, {5, 5, 3}},
    {{18, 4, 9}, {.kernel = 1, .kernel_w = 7, .pad_w = 3, .stride_w = 2}, 2, {18, 4, 5}},
    {{3, 9, 4}, {.kernel = 7, .kernel_w = 1, .pad = 3}, 1, {3, 9, 4}},
    // ceil: 1.5 steps both ways; a pad that makes up for them; a last window that would begin
    // behind the image, and is left out; both ways different; three quarters of a window outside.
    {{3, 6, 6}, {.kernel = 3, .stride = 2, .ceil = true}, 2, {3, 3, 3}},
    {{3, 6, 6}, {.kernel = 3, .stride = 2, .pad = 1, .ceil = true}, 1, {3, 4, 4}},
    {{2, 5, 4}, {.kernel = 2, .stride = 3, .pad = 1, .ceil = true}, 2, {2, 2, 2}},
    {{2, 7, 8}, {.kernel = 3, .stride = 2, .ceil = true}, 1, {2, 3, 4}},
    {{4, 9, 9},
     {.kernel = 4, .kernel_w = 4, .stride = 4, .stride_w = 8, .ceil = true},
     1,
     {4, 3, 2}},
    {{1, 2, 3}, {.kernel = 1, .stride = 2, .ceil = true}, 1, {1, 1, 2}},
};

/* Values lie 0.01 apart in shuffled order: a small step never changes which one is the maximum. */
static Bound *bind(size_t i)
{
    Graph *g = graph_new(CASES[i].src);
    max_pool(g, graph_input(g), "x", CASES[i].pool);
    Bound *b = bound_new(g, (BoundConfig){.batch = CASES[i].batch, .seed = i});
    int32_t *order = xcalloc(b->src_count, sizeof *order);
    for (size_t k = 0; k < b->src_count; k++)
        order[k] = (int32_t)k;
    Rng rng = rng_new(i, RNG_TEST, 1);
    rng_shuffle(&rng, order, b->src_count);
    for (size_t k = 0; k < b->src_count; k++)
        b->src[k] = 0.01f * (float)order[k] - 1;
    free(order);
    return b;
}

static void shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Graph *g = graph_new(CASES[i].src);
        const Node n = max_pool(g, graph_input(g), "x", CASES[i].pool);
        assert_true(shape_equal(graph_shape(g, n), CASES[i].dst));
        graph_free(g);
    }
}

static void forward_equals_a_naive_loop(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const Shape src = CASES[i].src, dst = CASES[i].dst;
        Bound *b = bind(i);
        const Pool p = *(const Pool *)graph_node(b->graph, 1)->config;
        bound_forward(b);
        for (int n = 0; n < b->batch * src.channels; n++)
            for (int y = 0; y < dst.height; y++)
                for (int x = 0; x < dst.width; x++) {
                    float want = -INFINITY;
                    for (int u = 0; u < p.kernel; u++)
                        for (int v = 0; v < p.kernel_w; v++) {
                            const int r = y * p.stride + u - p.pad;
                            const int c = x * p.stride_w + v - p.pad_w;
                            if (r >= 0 && r < src.height && c >= 0 && c < src.width)
                                want = fmaxf(want, b->src[(n * src.height + r) * src.width + c]);
                        }
                    assert_true(b->dst[(n * dst.height + y) * dst.width + x] == want);
                }
        bound_free(b);
    }
}

static void gradients_match_finite_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Bound *b = bind(i);
        assert_true(bound_gradient_error(b, 2e-3) < 1e-2);
        bound_free(b);
    }
}

static void of_equal_values_the_first_gets_the_gradient(void **state)
{
    (void)state;
    Graph *g = graph_new((Shape){1, 2, 2});
    max_pool(g, graph_input(g), "x", (Pool){.kernel = 2});
    Bound *b = bound_new(g, (BoundConfig){.batch = 1, .seed = 1});
    for (int i = 0; i < 4; i++)
        b->src[i] = 0;
    b->diff_dst[0] = 5;
    bound_forward(b);
    bound_backward(b);
    const float want[] = {5, 0, 0, 0};
    assert_memory_equal(b->diff_src, want, sizeof want);
    bound_free(b);
}

static const struct {
    Shape src;
    Pool pool;
    const char *kernel;  // in bfloat16
} BF16[] = {
    {{48, 7, 5}, {.kernel = 3, .stride = 2, .pad = 1}, "int16"},
    {{33, 6, 6}, {.kernel = 3, .stride = 1, .pad = 1}, "int16"},
    {{31, 6, 6}, {.kernel = 3, .stride = 1, .pad = 1}, "vector"},
    {{32, 6, 6}, {.kernel = 2, .stride = 2}, "vector"},
    {{5, 9, 9}, {.kernel = 5, .stride = 3, .pad = 2}, "vector"},
    {{40, 6, 8}, {.kernel = 3, .stride = 2, .ceil = true}, "int16"},
    {{40, 8, 6}, {.kernel = 3, .stride = 2, .pad = 1, .ceil = true}, "int16"},
    {{40, 6, 8}, {.kernel = 3, .kernel_w = 3, .stride = 2}, "vector"},
    {{40, 6, 8}, {.kernel = 3, .kernel_w = 3, .pad_w = 1}, "vector"},
    {{40, 6, 8}, {.kernel = 3, .kernel_w = 1}, "vector"},
    {{40, 7, 7}, {.kernel = 4, .stride = 4, .ceil = true}, "vector"},
};

/* What bfloat16 makes of float32's: the numbers are chosen such that nothing is rounded. */
static void bfloat16_gives_what_float32_gives(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(BF16); i++) {
        Bound *bounds[2];
        for (int bf16 = 0; bf16 < 2; bf16++) {
            Graph *g = graph_new(BF16[i].src);
            max_pool(g, graph_input(g), "x", BF16[i].pool);
            Bound *b = bounds[bf16] =
                bound_new(g, (BoundConfig){.batch = 2, .seed = i, .bf16 = bf16});
            for (size_t k = 0; k < b->src_count; k++)
                b->src[k] = roundf(16 * b->src[k]) / 4;
            for (size_t k = 0; k < b->dst_count; k++)
                b->diff_dst[k] = roundf(8 * b->diff_dst[k]) / 8;
            bound_forward(b);
            bound_backward(b);
        }
        const char *names[3];
        program_name_kernels(bounds[1]->program, 1, names);
        assert_string_equal(names[0], BF16[i].kernel);
        assert_memory_equal(bounds[0]->dst, bounds[1]->dst, bounds[0]->dst_count * sizeof(float));
        assert_memory_equal(bounds[0]->diff_src, bounds[1]->diff_src,
                            bounds[0]->src_count * sizeof(float));
        bound_free(bounds[0]);
        bound_free(bounds[1]);
    }
}

/* Every window that has a NaN in it gives one, and its gradient goes there. */
static void a_nan_is_the_maximum(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(BF16); i++) {
        const Shape src = BF16[i / 2].src;
        Graph *g = graph_new(src);
        const Node n = max_pool(g, graph_input(g), "x", BF16[i / 2].pool);
        const Pool p = *(const Pool *)graph_node(g, n)->config;
        const Shape dst = graph_shape(g, n);
        Bound *b = bound_new(g, (BoundConfig){.batch = 1, .seed = i, .bf16 = i % 2});
        // Pixel (2, 2) of each channel.
        for (int c = 0; c < src.channels; c++)
            b->src[(c * src.height + 2) * src.width + 2] = float_of_bits(ODD_BITS[c % 4]);
        bound_forward(b);
        for (size_t k = 0; k < b->dst_count; k++)
            b->diff_dst[k] = 1;
        bound_backward(b);
        for (int c = 0; c < src.channels; c++) {
            int windows = 0;
            for (int y = 0; y < dst.height; y++) {
                for (int x = 0; x < dst.width; x++) {
                    const int u = 2 + p.pad - y * p.stride, v = 2 + p.pad_w - x * p.stride_w;
                    const bool sees = u >= 0 && u < p.kernel && v >= 0 && v < p.kernel_w;
                    assert_int_equal(isnan(b->dst[(c * dst.height + y) * dst.width + x]) != 0,
                                     sees);
                    windows += sees;
                }
            }
            assert_true(windows > 0);
            assert_true(b->diff_src[(c * src.height + 2) * src.width + 2] == (float)windows);
        }
        bound_free(b);
    }
}

/* Equal bits: the mask is the same wherever it is laid on. */
static void a_relu_mask_may_move_to_the_pool(void **state)
{
    (void)state;
    Bound *bounds[2];
    for (int moved = 0; moved < 2; moved++) {
        Graph *g = graph_new((Shape){2, 9, 8});
        const Conv c = {.out = 5, .kernel = 1, .relu = true, .mask_moved = moved};
        const Pool p = {.kernel = 3, .stride = 2, .pad = 1, .relu_mask = moved};
        max_pool(g, conv(g, graph_input(g), "x", c), "y", p);
        bounds[moved] = bound_new(g, (BoundConfig){.batch = 3, .seed = 7});
        bound_forward(bounds[moved]);
        bound_backward(bounds[moved]);
    }
    const Bound *plain = bounds[0], *moved = bounds[1];
    assert_memory_equal(plain->dst, moved->dst, plain->dst_count * sizeof(float));
    assert_memory_equal(plain->diff_src, moved->diff_src, plain->src_count * sizeof(float));
    assert_memory_equal(plain->params->grads, moved->params->grads,
                        plain->params->count * sizeof(float));
    bound_free(bounds[0]);
    bound_free(bounds[1]);
}

static void bad_parameters_are_refused(void **state)
{
    (void)state;
    static const struct {
        Pool pool;
        const char *message;
    } BAD[] = {
        {{.kernel = 0}, "x: kernel must be 1 or more, got 0"},
        {{.kernel = 2, .kernel_w = -1}, "x: kernel must be 1 or more, got 2 x -1"},
        {{.kernel = 3, .stride = -1}, "x: stride must be 1 or more, got -1"},
        {{.kernel = 3, .pad = 2}, "x: pad must be 0 to half the kernel of 3, got 2"},
        {{.kernel = 3, .kernel_w = 1, .stride = 2, .stride_w = -1},
         "x: stride must be 1 or more, got 2 x -1"},
        {{.kernel = 1, .kernel_w = 3, .pad = 1},
         "x: pad must be 0 to half the kernel of 1 x 3, got 1 x 0"},
        {{.kernel = 3, .pad = -1, .ceil = true},
         "x: pad must be 0 to half the kernel of 3, got -1"},
        {{.kernel = 8}, "x: kernel 8 is larger than the padded image of 7 x 5"},
        {{.kernel = 6, .ceil = true}, "x: kernel 6 is larger than the padded image of 7 x 5"},
        {{.kernel = 1, .kernel_w = 8, .pad_w = 1},
         "x: kernel 1 x 8 is larger than the padded image of 7 x 7"},
    };
    for (size_t i = 0; i < COUNT(BAD); i++) {
        Error err;
        Graph *g = graph_new((Shape){3, 7, 5});
        max_pool(g, graph_input(g), "x", BAD[i].pool);
        CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID, BAD[i].message);
        graph_free(g);
    }
    // Its argmax indices would not fit in 16 bits.
    Error err;
    Graph *g = graph_new((Shape){1, 300, 300});
    max_pool(g, graph_input(g), "x", (Pool){.kernel = 256});
    CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID,
                  "x: kernel must have at most 65025 pixels, got 256 x 256");
    graph_free(g);
}

static void threads_give_equal_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(BF16); i++) {
        Bound *bounds[3];
        for (int t = 0; t < 3; t++) {
            bound_threads(t + 1);
            Graph *g = graph_new(BF16[i].src);
            max_pool(g, graph_input(g), "x", BF16[i].pool);
            Bound *b = bounds[t] = bound_new(g, (BoundConfig){.batch = 3, .seed = i, .bf16 = true});
            bound_forward(b);
            bound_backward(b);
            assert_memory_equal(b->dst, bounds[0]->dst, b->dst_count * sizeof(float));
            assert_memory_equal(b->diff_src, bounds[0]->diff_src, b->src_count * sizeof(float));
        }
        for (int t = 0; t < 3; t++)
            bound_free(bounds[t]);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(forward_equals_a_naive_loop),
        cmocka_unit_test(gradients_match_finite_differences),
        cmocka_unit_test(of_equal_values_the_first_gets_the_gradient),
        cmocka_unit_test(bfloat16_gives_what_float32_gives),
        cmocka_unit_test(a_nan_is_the_maximum),
        cmocka_unit_test(a_relu_mask_may_move_to_the_pool),
        cmocka_unit_test(threads_give_equal_bits),
        cmocka_unit_test(bad_parameters_are_refused),
    };
    return RUN_TESTS(tests);
}
