/* tests/core/layers/test_concat.c -- concat, and fork with it: three convolutions of one input,
 * joined. */
#include "core/layers/concat.h"
#include "core/layers/conv/conv.h"
#include "tests/check.h"
#include "tests/core/bound.h"

enum { HEIGHT = 5, WIDTH = 3, PIXELS = HEIGHT * WIDTH };
static const int OUT[] = {3, 16, 1};

static Graph *joined(void)
{
    Graph *g = graph_new((Shape){4, HEIGHT, WIDTH});
    Node parts[3];
    const char *names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++)
        parts[i] = conv(g, graph_input(g), names[i], (Conv){.out = OUT[i], .kernel = 1});
    concat(g, "x", parts, 3);
    return g;
}

static void channels_are_added_up(void **state)
{
    (void)state;
    Graph *g = joined();
    assert_true(shape_equal(graph_shape(g, graph_output(g)), (Shape){20, HEIGHT, WIDTH}));
    graph_free(g);
}

static void slices_stand_in_order(void **state)
{
    (void)state;
    Bound *b = bound_new(joined(), (BoundConfig){.batch = 2, .seed = 1});
    bound_forward(b);
    int channel = 0;
    for (int part = 0; part < 3; part++) {
        const char *names[][2] = {
            {"a.weight", "a.bias"}, {"b.weight", "b.bias"}, {"c.weight", "c.bias"}};
        const float *weights = bound_values(b, names[part][0]);
        const float *bias = bound_values(b, names[part][1]);
        for (int o = 0; o < OUT[part]; o++, channel++)
            for (int n = 0; n < 2; n++)
                for (int p = 0; p < PIXELS; p++) {
                    double want = bias[o];
                    for (int k = 0; k < 4; k++)
                        want +=
                            (double)weights[o * 4 + k] * (double)b->src[(n * 4 + k) * PIXELS + p];
                    CHECK_NEAR(b->dst[(n * 20 + channel) * PIXELS + p], want, 1e-5);
                }
    }
    bound_free(b);
}

static void gradients_of_all_readers_are_added(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads += 2) {
        bound_threads(threads);
        Bound *b = bound_new(joined(), (BoundConfig){.batch = 3, .seed = 2});
        assert_true(graph_find(b->graph, "input.fork") != NODE_NONE);
        assert_true(bound_gradient_error(b, 0.25) < 1e-3);
        bound_free(b);
    }
}

static void images_of_other_sizes_and_no_sources_are_refused(void **state)
{
    (void)state;
    Error err;
    Graph *g = graph_new((Shape){2, 5, 5});
    const Node small = conv(g, graph_input(g), "a", (Conv){.out = 1, .kernel = 3});
    concat(g, "x", (Node[]){graph_input(g), small}, 2);
    CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID, "x: cannot join 5 x 5 and 3 x 3 images");
    graph_free(g);
    g = graph_new((Shape){2, 5, 5});
    concat(g, "x", NULL, 0);
    CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID, "x: joins no nodes");
    graph_free(g);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_are_added_up),
        cmocka_unit_test(slices_stand_in_order),
        cmocka_unit_test(gradients_of_all_readers_are_added),
        cmocka_unit_test(images_of_other_sizes_and_no_sources_are_refused),
    };
    return RUN_TESTS(tests);
}
