/* tests/core/layers/test_slice.c -- slices, which take a convolution apart that a concat puts
 * together again in another order. */
#include "core/layers/slice.h"

#include "core/layers/concat.h"
#include "core/layers/conv/conv.h"
#include "tests/check.h"
#include "tests/core/bound.h"

enum { HEIGHT = 5, WIDTH = 3, PIXELS = HEIGHT * WIDTH, BATCH = 3, CHANNELS = 20 };
static const Slice PARTS[] = {
    {.first = 0, .channels = 3}, {.first = 3, .channels = 16}, {.first = 19, .channels = 1}};

/* The parts of "a" from the last to the first. */
static Graph *reversed(Conv c, bool mask)
{
    Graph *g = graph_new((Shape){4, HEIGHT, WIDTH});
    const Node whole = conv(g, graph_input(g), "a", c);
    const char *names[] = {"x", "y", "z"};
    Node parts[3];
    for (int i = 0; i < 3; i++) {
        Slice s = PARTS[i];
        s.relu_mask = mask;
        parts[2 - i] = slice(g, whole, names[i], s);
    }
    concat(g, "out", parts, 3);
    return g;
}

static const Conv POINTWISE = {.out = CHANNELS, .kernel = 1};

static void slices_are_channels_of_the_source(void **state)
{
    (void)state;
    Bound *b = bound_new(reversed(POINTWISE, false), (BoundConfig){.batch = BATCH, .seed = 1});
    bound_forward(b);
    const float *weights = bound_values(b, "a.weight"), *bias = bound_values(b, "a.bias");
    int at = 0;
    for (int part = 2; part >= 0; part--)
        for (int o = PARTS[part].first; o < PARTS[part].first + PARTS[part].channels; o++, at++)
            for (int n = 0; n < BATCH; n++)
                for (int p = 0; p < PIXELS; p++) {
                    double want = bias[o];
                    for (int k = 0; k < 4; k++)
                        want +=
                            (double)weights[o * 4 + k] * (double)b->src[(n * 4 + k) * PIXELS + p];
                    CHECK_NEAR(b->dst[(n * CHANNELS + at) * PIXELS + p], want, 1e-5);
                }
    bound_free(b);
}

static void each_gives_its_part_of_one_gradient(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads += 2) {
        bound_threads(threads);
        Bound *b = bound_new(reversed(POINTWISE, false), (BoundConfig){.batch = BATCH, .seed = 2});
        assert_true(graph_find(b->graph, "a.fork") == NODE_NONE);
        assert_true(bound_gradient_error(b, 0.25) < 1e-3);
        bound_free(b);
    }
}

/* Slices and whole values read side by side: a fork adds up what the slices share and the rest. */
static void a_whole_reader_is_added(void **state)
{
    (void)state;
    Graph *g = graph_new((Shape){4, HEIGHT, WIDTH});
    const Node whole = conv(g, graph_input(g), "a", POINTWISE);
    Node parts[] = {conv(g, whole, "b", (Conv){.out = 2, .kernel = 1}),
                    slice(g, whole, "x", (Slice){0, 7, false}),
                    slice(g, whole, "y", (Slice){7, 13, false})};
    concat(g, "out", parts, 3);
    Bound *b = bound_new(g, (BoundConfig){.batch = BATCH, .seed = 3});
    assert_true(graph_find(b->graph, "a.fork") != NODE_NONE);
    assert_true(bound_gradient_error(b, 0.25) < 1e-3);
    bound_free(b);
}

/* Equal bits: the mask is the same wherever it is laid on. */
static void a_relu_mask_may_move_to_the_slices(void **state)
{
    (void)state;
    Conv c = POINTWISE;
    c.relu = true;
    Bound *plain = bound_new(reversed(c, false), (BoundConfig){.batch = BATCH, .seed = 4});
    c.mask_moved = true;
    Bound *masked = bound_new(reversed(c, true), (BoundConfig){.batch = BATCH, .seed = 4});
    bound_forward(plain);
    bound_forward(masked);
    bound_backward(plain);
    bound_backward(masked);
    assert_memory_equal(plain->dst, masked->dst, plain->dst_count * sizeof(float));
    assert_memory_equal(plain->diff_src, masked->diff_src, plain->src_count * sizeof(float));
    assert_memory_equal(plain->params->grads, masked->params->grads,
                        plain->params->count * sizeof(float));
    bound_free(masked);
    bound_free(plain);
}

static void channels_that_are_not_there_are_refused(void **state)
{
    (void)state;
    static const struct {
        Slice slice;
        const char *message;
    } CASES[] = {{{-1, 2, false}, "x: cannot take 2 channels from channel -1 of 4"},
                 {{0, 0, false}, "x: cannot take 0 channels from channel 0 of 4"},
                 {{3, 2, false}, "x: cannot take 2 channels from channel 3 of 4"}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Error err;
        Graph *g = graph_new((Shape){4, HEIGHT, WIDTH});
        slice(g, graph_input(g), "x", CASES[i].slice);
        CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID, CASES[i].message);
        graph_free(g);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_channels_of_the_source),
        cmocka_unit_test(each_gives_its_part_of_one_gradient),
        cmocka_unit_test(a_whole_reader_is_added),
        cmocka_unit_test(a_relu_mask_may_move_to_the_slices),
        cmocka_unit_test(channels_that_are_not_there_are_refused),
    };
    return RUN_TESTS(tests);
}
