/* tests/core/evaluate/test_activation_map.c -- the mean of a class's map and its bias are its
 * logit.
 */
#include "core/evaluate/activation_map.h"

#include <stdio.h>

#include "core/base/numbers/rng.h"
#include "core/models/models.h"
#include "core/train/init.h"
#include "tests/check.h"

enum { SIDE = 96, CHANNELS = 3, CLASSES = 5, IMAGE = CHANNELS * SIDE * SIDE };

typedef struct {
    Graph *graph;
    ParamStore *params;
    float image[IMAGE];
    float logits[CLASSES];
} Fixture;

static Fixture *fixture_new(const char *network, bool bf16)
{
    Error err = {0};
    Net *net;
    Fixture *f = xcalloc(1, sizeof *f);
    f->graph = model_graph_with(models_find(network), (Shape){CHANNELS, SIDE, SIDE},
                                (ModelOptions){.classes = CLASSES}, &err);
    assert_non_null(f->graph);
    CHECK_OK(params_new(f->graph, &f->params, &err), err);
    init_params(f->params, init_xavier_uniform, 3);
    Rng rng = rng_new(4, RNG_TEST, 0);
    for (int i = 0; i < IMAGE; i++)
        f->image[i] = (float)rng_uniform(&rng);
    const NetConfig config = {.batch_size = 1, .bf16 = bf16};
    CHECK_OK(net_new(f->graph, f->params, config, &net, &err), err);
    CHECK_OK(net_forward(net, f->image, 1, f->logits, &err), err);
    net_free(net);
    return f;
}

static void fixture_free(Fixture *f)
{
    params_free(f->params);
    graph_free(f->graph);
    free(f);
}

static double bias_of(const Fixture *f, int label)
{
    const GraphNode *last = graph_node(f->graph, graph_output(f->graph));
    char *name = xasprintf("%s.bias", last->name);
    const Param *p = params_find(f->params, name);
    free(name);
    return p ? (double)f->params->values[p->offset + (size_t)label] : 0;
}

static void check_network(const char *network, bool bf16, double tolerance)
{
    Error err = {0};
    Fixture *f = fixture_new(network, bf16);
    ActivationMap *m;
    CHECK_OK(activation_map_new(f->graph, f->params, (NetConfig){.bf16 = bf16}, &m, &err), err);
    const Shape shape = activation_map_shape(m);
    assert_int_equal(shape.channels, CLASSES);
    assert_true(shape.height > 1);
    const size_t area = (size_t)shape.height * (size_t)shape.width;
    float *maps = xcalloc(shape_count(shape), sizeof *maps);
    CHECK_OK(activation_map_run(m, f->image, maps, &err), err);
    for (int k = 0; k < CLASSES; k++) {
        double sum = 0;
        for (size_t i = 0; i < area; i++)
            sum += (double)maps[(size_t)k * area + i];
        CHECK_NEAR(sum / (double)area + bias_of(f, k), (double)f->logits[k], tolerance);
    }
    free(maps);
    activation_map_free(m);
    fixture_free(f);
}

static void maps_add_up_to_the_logits(void **state)
{
    (void)state;
    static const char *const NETWORKS[] = {"googlenet", "googlenet_tiny", "googlenet_bn",
                                           "resnet18", "wide_resnet16"};
    for (size_t i = 0; i < COUNT(NETWORKS); i++) {
        check_network(NETWORKS[i], false, 1e-4);
        if (net_bf16_is_fast())
            check_network(NETWORKS[i], true, 0.05);
    }
}

static void networks_that_end_otherwise_are_refused(void **state)
{
    (void)state;
    Error err = {0};
    Fixture *f = fixture_new("alexnet", false);
    ActivationMap *m;
    assert_false(activation_map_new(f->graph, f->params, (NetConfig){0}, &m, &err));
    assert_string_equal(err.reason, "not_explainable");
    fixture_free(f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_add_up_to_the_logits),
        cmocka_unit_test(networks_that_end_otherwise_are_refused),
    };
    return RUN_TESTS(tests);
}
