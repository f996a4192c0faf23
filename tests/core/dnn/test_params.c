/* tests/core/dnn/test_params.c -- where parameters stand in the store. */
#include "core/dnn/params.h"

#include <stdio.h>

#include "core/layers/batch_norm.h"
#include "core/layers/concat.h"
#include "core/layers/conv/conv.h"
#include "tests/check.h"

enum { CHANNELS = 5 };

static ParamStore *store_of(Graph *g)
{
    Error err = {0};
    ParamStore *store = NULL;
    CHECK_OK(graph_check(g, &err), err);
    CHECK_OK(params_new(g, &store, &err), err);
    assert_int_equal(store->trained_count, graph_parameter_count(g));
    graph_free(g);
    return store;
}

/* a and c read the input, b reads a; d reads the input with another window. */
static Graph *family(void)
{
    Graph *g = graph_new((Shape){CHANNELS, 6, 6});
    const Node a = conv(g, graph_input(g), "a", (Conv){.out = 3, .kernel = 1});
    const Node b = conv(g, a, "b", (Conv){.out = 3, .kernel = 1});
    const Node c = conv(g, graph_input(g), "c", (Conv){.out = 2, .kernel = 1});
    const Node d = conv(g, graph_input(g), "d", (Conv){.out = 2, .kernel = 3, .pad = 1});
    concat(g, "joined", (Node[]){b, c, d}, 3);
    return g;
}

static void parameters_are_listed_in_the_order_of_the_graph(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"a.weight", "a.bias", "b.weight", "b.bias",
                                        "c.weight", "c.bias", "d.weight", "d.bias"};
    ParamStore *store = store_of(family());
    assert_int_equal(store->param_count, COUNT(NAMES));
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        assert_string_equal(store->params[i].name, NAMES[i]);
        assert_ptr_equal(params_find(store, NAMES[i]), &store->params[i]);
    }
    assert_null(params_find(store, "e.weight"));
    params_free(store);
}

static void siblings_stand_as_one_wider_node_would(void **state)
{
    (void)state;
    ParamStore *store = store_of(family());
    const size_t a = params_find(store, "a.weight")->offset;
    assert_int_equal(params_find(store, "c.weight")->offset, a + 3 * CHANNELS);
    const size_t bias = params_find(store, "a.bias")->offset;
    assert_int_equal(params_find(store, "c.bias")->offset, bias + 3);
    params_free(store);
}

/* Those of norms that read siblings, too, counters included. */
static void norms_of_siblings_stand_as_one_wider_node_would(void **state)
{
    (void)state;
    static const char *const EACH[] = {"weight", "bias", "running_mean", "running_var"};
    Graph *g = graph_new((Shape){CHANNELS, 6, 6});
    Node a = conv(g, graph_input(g), "a", (Conv){.out = 3, .kernel = 1});
    a = batch_norm(g, a, "na", (BatchNorm){.eps = 1e-3});
    a = batch_norm(g, a, "ma", (BatchNorm){.eps = 1e-3});
    Node b = conv(g, graph_input(g), "b", (Conv){.out = 4, .kernel = 3, .pad = 1});
    b = batch_norm(g, b, "nb", (BatchNorm){.eps = 1e-3});
    Node c = conv(g, graph_input(g), "c", (Conv){.out = 2, .kernel = 1});
    c = batch_norm(g, c, "nc", (BatchNorm){.eps = 1e-3});
    concat(g, "joined", (Node[]){a, b, c}, 3);
    ParamStore *store = store_of(g);
    for (size_t i = 0; i < COUNT(EACH); i++) {
        char first[32], second[32], other[32];
        snprintf(first, sizeof first, "na.%s", EACH[i]);
        snprintf(second, sizeof second, "nc.%s", EACH[i]);
        snprintf(other, sizeof other, "nb.%s", EACH[i]);
        const size_t offset = params_find(store, first)->offset;
        assert_int_equal(params_find(store, second)->offset, offset + 3);
        assert_int_not_equal(params_find(store, other)->offset, offset + 5);
    }
    const size_t counter = params_find(store, "na.num_batches_tracked")->offset;
    assert_int_equal(params_find(store, "nc.num_batches_tracked")->offset, counter + 1);
    params_free(store);
}

static void every_number_belongs_to_one_parameter(void **state)
{
    (void)state;
    ParamStore *store = store_of(family());
    int *owners = xcalloc(store->count, sizeof *owners);
    for (int i = 0; i < store->param_count; i++) {
        const Param *p = &store->params[i];
        assert_true(p->offset + p->count <= store->count);
        for (size_t k = 0; k < p->count; k++)
            owners[p->offset + k]++;
    }
    for (size_t k = 0; k < store->count; k++)
        assert_int_equal(owners[k], 1);
    free(owners);
    params_free(store);
}

static bool describe_all_roles(const void *config, const Shape *srcs, int src_count,
                               LayerSpec *spec, Error *err)
{
    (void)config, (void)src_count, (void)err;
    const int channels = srcs[0].channels;
    spec->dst = srcs[0];
    spec->params[0] = (ParamSpec){"weight", ROLE_SCALE, {channels}, 1, 0, 0};
    spec->params[1] = (ParamSpec){"bias", ROLE_SHIFT, {channels}, 1, 0, 0};
    spec->params[2] = (ParamSpec){"mean", ROLE_MEAN, {channels}, 1, 0, 0};
    spec->params[3] = (ParamSpec){"variance", ROLE_VARIANCE, {channels}, 1, 0, 0};
    spec->params[4] = (ParamSpec){"batches", ROLE_COUNTER, {0}, 0, 0, 0};
    spec->param_count = 5;
    return true;
}

/* What decays, what else is trained, what is not: in this order, whatever the graph's is. */
static void the_store_is_in_the_order_of_roles(void **state)
{
    (void)state;
    static const LayerType NORM = {.name = "norm", .describe = describe_all_roles};
    Graph *g = graph_new((Shape){CHANNELS, 6, 6});
    Node x = graph_add(g, "n", &NORM, NULL, (Node[]){graph_input(g)}, 1);
    x = conv(g, x, "c", (Conv){.out = 3, .kernel = 1});
    graph_add(g, "m", &NORM, NULL, &x, 1);
    ParamStore *s = store_of(g);
    assert_int_equal(s->weight_count, 3 * CHANNELS);
    assert_int_equal(s->trained_count, s->weight_count + 3 + 2 * CHANNELS + 2 * 3);
    assert_int_equal(s->count, s->trained_count + 2 * CHANNELS + 2 * 3);
    assert_int_equal(s->counter_count, 2);
    for (int i = 0; i < s->param_count; i++) {
        const Param *p = &s->params[i];
        if (p->role == ROLE_COUNTER)
            continue;
        assert_int_equal(p->role == ROLE_WEIGHT, p->offset < s->weight_count);
        assert_int_equal(role_is_trained(p->role), p->offset < s->trained_count);
    }
    assert_int_equal(params_find(s, "m.batches")->offset, 1);
    assert_int_equal(params_find(s, "m.batches")->count, 1);
    params_free(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_listed_in_the_order_of_the_graph),
        cmocka_unit_test(siblings_stand_as_one_wider_node_would),
        cmocka_unit_test(norms_of_siblings_stand_as_one_wider_node_would),
        cmocka_unit_test(every_number_belongs_to_one_parameter),
        cmocka_unit_test(the_store_is_in_the_order_of_roles),
    };
    return RUN_TESTS(tests);
}
