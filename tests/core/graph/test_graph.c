/* tests/core/graph/test_graph.c -- names, the sticky error, sums. */
#include "core/graph/graph.h"

#include <stdio.h>

#include "core/layers/concat.h"
#include "core/layers/conv/conv.h"
#include "core/layers/relu.h"
#include "core/layers/slice.h"
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

static void check_refused(Graph *g, const char *message)
{
    Error err;
    CHECK_REFUSED(graph_check(g, &err), err, ERR_INVALID, message);
    graph_free(g);
}

static void a_node_that_nobody_reads_is_refused(void **state)
{
    (void)state;
    Graph *g = graph_new((Shape){4, 8, 8});
    const Node x = relu(g, graph_input(g), "a");
    conv(g, x, "lost", (Conv){.out = 2, .kernel = 1});
    relu(g, x, "out");
    check_refused(g, "lost is read by no node, and is not the last one");
}

/* `count` convolutions that read one value, joined two by two. */
static Graph *many_readers(int count)
{
    Graph *g = graph_new((Shape){4, 8, 8});
    const Node x = relu(g, graph_input(g), "a");
    Node joined = NODE_NONE;
    for (int i = 0; i < count; i++) {
        char name[16], join[16];
        snprintf(name, sizeof name, "c%d", i);
        snprintf(join, sizeof join, "j%d", i);
        const Node c = conv(g, x, name, (Conv){.out = 2, .kernel = 1});
        joined = i == 0 ? c : concat(g, join, (Node[]){joined, c}, 2);
    }
    return g;
}

static void more_readers_than_gradients_can_be_added_are_refused(void **state)
{
    (void)state;
    Error err = {0};
    Graph *g = many_readers(GRAPH_MAX_READERS);
    CHECK_OK(graph_check(g, &err), err);
    graph_free(g);
    check_refused(many_readers(GRAPH_MAX_READERS + 1),
                  "a is read by 9 nodes, at most 8 are possible");
}

static Graph *sliced(const Slice *slices, int count)
{
    Graph *g = graph_new((Shape){6, 8, 8});
    const Node x = conv(g, graph_input(g), "a", (Conv){.out = 6, .kernel = 1});
    Node parts[GRAPH_MAX_SRCS];
    for (int i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        parts[i] = slice(g, x, name, slices[i]);
    }
    concat(g, "out", parts, count);
    return g;
}

static void slices_cover_their_source_once(void **state)
{
    (void)state;
    static const struct {
        Slice slices[4];
        int count;
        const char *message;  // NULL: as it should be
    } CASES[] = {
        {{{0, 2, false}, {2, 1, false}, {3, 3, false}}, 3, NULL},
        {{{3, 3, false}, {0, 2, false}, {2, 1, false}}, 3, NULL},
        {{{0, 6, false}}, 1, NULL},
        {{{1, 5, false}}, 1, "a: no slice begins at channel 0 of 6, where one must"},
        {{{0, 2, false}, {3, 3, false}}, 2, "a: no slice begins at channel 2 of 6, where one must"},
        {{{0, 2, false}, {2, 3, false}}, 2, "a: no slice begins at channel 5 of 6, where one must"},
        {{{0, 3, false}, {2, 4, false}}, 2, "a: no slice begins at channel 3 of 6, where one must"},
        {{{0, 6, false}, {2, 2, false}}, 2, "a: slices of 8 channels overlap in its 6"},
        {{{0, 6, false}, {0, 6, false}}, 2, "a: slices of 12 channels overlap in its 6"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Graph *g = sliced(CASES[i].slices, CASES[i].count);
        if (CASES[i].message) {
            check_refused(g, CASES[i].message);
            continue;
        }
        Error err = {0};
        CHECK_OK(graph_check(g, &err), err);
        graph_free(g);
    }
}

static void names_nest_as_deep_as_there_is_room(void **state)
{
    (void)state;
    Error err = {0};
    Graph *g = graph_new((Shape){1, 8, 8});
    for (int i = 0; i < GRAPH_MAX_DEPTH; i++)
        graph_enter(g, "x");
    relu(g, graph_input(g), "a");
    CHECK_OK(graph_check(g, &err), err);
    graph_enter(g, "y");
    graph_enter(g, "z");
    check_refused(g, "node names are more than 8 levels deep at x.x.x.x.x.x.x.x.y");

    g = graph_new((Shape){1, 8, 8});
    graph_leave(g);
    check_refused(g, "graph_leave without graph_enter");
}

static void too_few_and_too_many_sources_are_refused(void **state)
{
    (void)state;
    Graph *g = graph_new((Shape){1, 8, 8});
    Node many[GRAPH_MAX_SRCS + 1];
    for (int i = 0; i < GRAPH_MAX_SRCS + 1; i++)
        many[i] = graph_input(g);
    concat(g, "joined", many, GRAPH_MAX_SRCS + 1);
    check_refused(g, "joined: reads 9 nodes, 1 to 8 are possible");
    g = graph_new((Shape){1, 8, 8});
    graph_add(g, "alone", graph_node(g, relu(g, graph_input(g), "a"))->type, NULL, NULL, 0);
    check_refused(g, "alone: reads 0 nodes, 1 to 8 are possible");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_paths),
        cmocka_unit_test(the_first_fault_stays),
        cmocka_unit_test(doubled_and_overlong_names_are_refused),
        cmocka_unit_test(an_image_without_pixels_is_refused),
        cmocka_unit_test(a_node_that_nobody_reads_is_refused),
        cmocka_unit_test(more_readers_than_gradients_can_be_added_are_refused),
        cmocka_unit_test(slices_cover_their_source_once),
        cmocka_unit_test(names_nest_as_deep_as_there_is_room),
        cmocka_unit_test(too_few_and_too_many_sources_are_refused),
    };
    return RUN_TESTS(tests);
}
