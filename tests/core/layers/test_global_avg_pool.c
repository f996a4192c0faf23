/* tests/core/layers/test_global_avg_pool.c */
#include "core/layers/global_avg_pool.h"
#include "tests/check.h"
#include "tests/core/bound.h"

static const Shape CASES[] = {{19, 3, 3}, {4, 5, 2}, {1, 1, 1}};

static Bound *bind(size_t i)
{
    Graph *g = graph_new(CASES[i]);
    const Node n = global_avg_pool(g, graph_input(g), "x");
    assert_true(shape_equal(graph_shape(g, n), (Shape){CASES[i].channels, 1, 1}));
    return bound_new(g, (BoundConfig){.batch = 3, .seed = i});
}

static void forward_is_the_mean_of_each_channel(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const int pixels = CASES[i].height * CASES[i].width;
        Bound *b = bind(i);
        bound_forward(b);
        for (size_t c = 0; c < b->dst_count; c++) {
            double sum = 0;
            for (int p = 0; p < pixels; p++)
                sum += b->src[(int)c * pixels + p];
            CHECK_NEAR(b->dst[c], sum / pixels, 1e-6);
        }
        bound_free(b);
    }
}

static void gradients_match_finite_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Bound *b = bind(i);
        assert_true(bound_gradient_error(b, 0.25) < 1e-3);
        bound_free(b);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_the_mean_of_each_channel),
        cmocka_unit_test(gradients_match_finite_differences),
    };
    return RUN_TESTS(tests);
}
