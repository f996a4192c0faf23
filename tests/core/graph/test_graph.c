/* tests/core/graph/test_graph.c -- names, the sticky error, sums. */
#include "core/graph/graph.h"

#include "core/layers/conv.h"
#include "core/layers/relu.h"
#include "tests/check.h"

static void names_are_paths(void **state)
{
    (void)state;
    Graph *g = graph_new((Shape){1, 8, 8});
    Node x = relu(g, graph_input(g), "a");
    graph_enter(g, "2.0");
    x = relu(g, x, "b");
    graph_enter(g, "c");
    x = relu(g, x, "d");
    graph_leave(g);
    x = relu(g, x, "e");
    graph_leave(g);
    relu(g, x, "f");
    Error err = {0};
    CHECK_OK(graph_check(g, &err), err);
    const char *want[] = {"input", "a", "2.0.b", "2.0.c.d", "2.0.e", "f"};
    assert_int_equal(graph_node_count(g), COUNT(want));
    for (int i = 0; i < graph_node_count(g); i++) {
        assert_string_equal(graph_node(g, i)->name, want[i]);
        assert_int_equal(graph_find(g, want[i]), i);
    }
    assert_int_equal(graph_find(g, "2.0"), NODE_NONE);
    graph_free(g);
}

static void the_first_fault_stays(void **state)
{
    (void)state;
    Error err;
    Graph *g = graph_new((Shape){1, 8, 8});
    Node x = conv(g, graph_input(g), "a", (Conv){.out = 0, .kernel = 1});
    assert_int_equal(x, NODE_NONE);
    assert_int_equal(relu(g, x, "b"), NODE_NONE);
    graph_enter(g, "c");
    graph_leave(g);
    assert_int_equal(graph_output(g), NODE_NONE);
    CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID,
                  "a: output channels must be 1 or more, got 0");
    graph_free(g);
}

static void doubled_and_overlong_names_are_refused(void **state)
{
    (void)state;
    Error err;
    Graph *g = graph_new((Shape){1, 8, 8});
    relu(g, relu(g, graph_input(g), "a"), "a");
    CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID, "two nodes are named a");
    graph_free(g);

    char name[GRAPH_MAX_NAME + 1];
    memset(name, 'x', GRAPH_MAX_NAME);
    name[GRAPH_MAX_NAME] = '\0';
    g = graph_new((Shape){1, 8, 8});
    relu(g, graph_input(g), name);
    assert_false(graph_check(g, &err));
    assert_non_null(strstr(err.message, "longer than 63 letters"));
    graph_free(g);
}

static void an_image_without_pixels_is_refused(void **state)
{
    (void)state;
    Error err;
    Graph *g = graph_new((Shape){1, 0, 8});
    CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID, "an image of 1 x 0 x 8 has no pixels");
    graph_free(g);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_paths),
        cmocka_unit_test(the_first_fault_stays),
        cmocka_unit_test(doubled_and_overlong_names_are_refused),
        cmocka_unit_test(an_image_without_pixels_is_refused),
    };
    return RUN_TESTS(tests);
}
