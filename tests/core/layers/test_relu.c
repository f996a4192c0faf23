/* tests/core/layers/test_relu.c */
#include "core/layers/relu.h"
#include "tests/check.h"
#include "tests/core/bound.h"

static Bound *bind(Shape src, int batch)
{
    Graph *g = graph_new(src);
    relu(g, graph_input(g), "x");
    return bound_new(g, (BoundConfig){.batch = batch, .seed = 4});
}

static void shape_stays(void **state)
{
    (void)state;
    Graph *g = graph_new((Shape){3, 7, 5});
    assert_true(shape_equal(graph_shape(g, relu(g, graph_input(g), "x")), (Shape){3, 7, 5}));
    assert_int_equal(graph_parameter_count(g), 0);
    graph_free(g);
}

static void negative_numbers_become_zero(void **state)
{
    (void)state;
    Bound *b = bind((Shape){3, 7, 5}, 2);
    b->src[0] = 0;
    bound_forward(b);
    for (size_t i = 0; i < b->src_count; i++)
        assert_true(b->dst[i] == (b->src[i] > 0 ? b->src[i] : 0));
    bound_free(b);
}

static void gradient_passes_where_the_result_is_positive(void **state)
{
    (void)state;
    Bound *b = bind((Shape){5, 3, 3}, 3);
    b->src[7] = 0;  // PyTorch and oneDNN give the bend the slope 0
    bound_forward(b);
    bound_backward(b);
    for (size_t i = 0; i < b->src_count; i++)
        assert_true(b->diff_src[i] == (b->src[i] > 0 ? b->diff_dst[i] : 0));
    b->src[7] = 0.5f;
    assert_true(bound_gradient_error(b, 1e-4) < 1e-2);
    bound_free(b);
}

static void a_missing_source_is_refused(void **state)
{
    (void)state;
    Error err;
    Graph *g = graph_new((Shape){3, 1, 1});
    relu(g, NODE_NONE, "x");
    CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID, "x: source 0 is not a node");
    graph_free(g);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape_stays),
        cmocka_unit_test(negative_numbers_become_zero),
        cmocka_unit_test(gradient_passes_where_the_result_is_positive),
        cmocka_unit_test(a_missing_source_is_refused),
    };
    return RUN_TESTS(tests);
}
