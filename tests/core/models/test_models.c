/* tests/core/models/test_models.c -- the descriptions alone, without a net. */
#include "core/models/models.h"

#include <string.h>

#include "core/dnn/params.h"
#include "tests/check.h"

static Graph *graph_of(const char *name, Shape input, int classes)
{
    Error err = {0};
    Graph *g = model_graph(models_find(name), input, classes, &err);
    if (!g)
        fail_msg("%s: %s", name, err.message);
    return g;
}

static void googlenet_stages_have_the_chapters_sizes(void **state)
{
    (void)state;
    static const Shape WANT[] = {{64, 24, 24}, {192, 12, 12}, {480, 6, 6},
                                 {832, 3, 3},  {1024, 1, 1},  {10, 1, 1}};
    const Model *model = models_find("googlenet");
    Graph *g = graph_of("googlenet", (Shape){1, 96, 96}, 10);
    size_t i = 0;
    for (; model->stages[i]; i++) {
        const Node n = graph_find(g, model->stages[i]);
        assert_int_not_equal(n, NODE_NONE);
        assert_true(shape_equal(graph_shape(g, n), WANT[i]));
    }
    assert_int_equal(i, COUNT(WANT));
    graph_free(g);
}

static void googlenet_has_the_sizes_of_the_papers_table_1(void **state)
{
    (void)state;
    static const struct {
        const char *node;
        Shape want;
    } STAGES[] = {
        {"0.0", {64, 112, 112}},       {"0.2", {64, 56, 56}},         {"1.4", {192, 28, 28}},
        {"2.0.concat", {256, 28, 28}}, {"2.1.concat", {480, 28, 28}}, {"3.3.concat", {528, 14, 14}},
        {"3.4.concat", {832, 14, 14}}, {"4.1.concat", {1024, 7, 7}},  {"5", {1000, 1, 1}},
    };
    Graph *g = graph_of("googlenet", (Shape){3, 224, 224}, 1000);
    for (size_t i = 0; i < COUNT(STAGES); i++)
        assert_true(shape_equal(graph_shape(g, graph_find(g, STAGES[i].node)), STAGES[i].want));
    assert_int_equal(graph_parameter_count(g), 6998552);
    graph_free(g);
}

static void googlenet_has_the_chapters_parameters_and_costs(void **state)
{
    (void)state;
    Graph *g = graph_of("googlenet", (Shape){1, 96, 96}, 10);
    assert_int_equal(graph_parameter_count(g), 5977530);
    assert_int_equal(graph_multiply_adds(g), 276066304);
    graph_free(g);
}

static void wide_resnet16_has_the_papers_parameters_and_costs(void **state)
{
    (void)state;
    // The paper's on CIFAR-10: 2.7 M.
    Graph *colour = graph_of("wide_resnet16", (Shape){3, 32, 32}, 10);
    assert_int_equal(graph_parameter_count(colour), 2748890);
    Graph *gray = graph_of("wide_resnet16", (Shape){1, 28, 28}, 10);
    assert_int_equal(graph_multiply_adds(gray), 300368640);
    graph_free(colour);
    graph_free(gray);
}

static void parameters_bear_the_names_of_state_dict(void **state)
{
    (void)state;
    // The first and the last ones, in PyTorch's order of registration.
    static const char *const FIRST[] = {
        "0.0.weight",      "0.0.bias",      "1.0.weight",      "1.0.bias",
        "1.2.weight",      "1.2.bias",      "2.0.p1_1.weight", "2.0.p1_1.bias",
        "2.0.p2_1.weight", "2.0.p2_1.bias", "2.0.p2_2.weight", "2.0.p2_2.bias",
        "2.0.p3_1.weight", "2.0.p3_1.bias", "2.0.p3_2.weight", "2.0.p3_2.bias",
        "2.0.p4_2.weight", "2.0.p4_2.bias", "2.1.p1_1.weight",
    };
    Error err = {0};
    Graph *g = graph_of("googlenet", (Shape){1, 96, 96}, 10);
    ParamStore *params = NULL;
    CHECK_OK(params_new(g, &params, &err), err);
    assert_int_equal(params->param_count, 2 * (3 + 9 * 6 + 1));
    for (size_t i = 0; i < COUNT(FIRST); i++)
        assert_string_equal(params->params[i].name, FIRST[i]);
    assert_string_equal(params->params[params->param_count - 1].name, "5.bias");
    params_free(params);
    graph_free(g);
}

static void every_model_has_stages_and_takes_its_smallest_image(void **state)
{
    (void)state;
    size_t count;
    const Model *models = models_table(&count);
    for (size_t i = 0; i < count; i++) {
        Error err = {0};
        const int side = model_smallest_image(&models[i], 3);
        assert_in_range(side, 1, models[i].image_size);
        Graph *g = graph_of(models[i].name, (Shape){3, side, side}, 2);
        for (size_t s = 0; models[i].stages[s]; s++)
            assert_int_not_equal(graph_find(g, models[i].stages[s]), NODE_NONE);
        graph_free(g);
        if (side > 1)
            assert_null(model_graph(&models[i], (Shape){3, side - 1, side - 1}, 2, &err));
    }
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    const Model *m = models_find("googlenet");
    Error err;
    CHECK_REFUSED(model_graph(m, (Shape){0, 96, 96}, 10, &err), err, ERR_INVALID,
                  "channels must be 1 to 64, got 0");
    CHECK_REFUSED(model_graph(m, (Shape){1, 96, 5000}, 10, &err), err, ERR_INVALID,
                  "image width must be 1 to 4096, got 5000");
    CHECK_REFUSED(model_graph(m, (Shape){1, 96, 96}, 0, &err), err, ERR_INVALID,
                  "classes must be 1 to 65535, got 0");
    assert_null(models_find("googlenet2"));
}

/* As PyTorch counts them in the modules of tests/golden/networks.py, some of which are
 * torchvision's own. */
static void every_network_has_pytorchs_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t gray, colour;  // 1 channel and 10 classes; 3 and 1000
        int tensors;           // of state_dict()
    } WANT[] = {
        {"googlenet", 5977530, 6998552, 116},
        {"googlenet_tiny", 22646, 119476, 40},
        {"googlenet_bn", 5984810, 7005832, 344},
        {"googlenet_v2", 6403370, 7424392, 572},
        {"googlenet_residual", 7905514, 8736456, 356},
        {"googlenet_torchvision", 5603882, 6624904, 344},
        {"inception_v3", 21805482, 23834568, 566},
        {"resnet8", 1156538, 1411256, 44},
        {"wide_resnet8", 4617066, 5125512, 44},
        {"wide_resnet16", 2748602, 3003320, 83},
        {"resnet18", 11175370, 11689512, 122},
        {"resnet50", 23522250, 25557032, 320},
        {"alexnet", 46764746, 50844008, 16},
        {"vgg11", 128806154, 132863336, 22},
        {"nin", 1992166, 7439608, 24},
    };
    size_t count;
    models_table(&count);
    assert_int_equal(count, COUNT(WANT));
    for (size_t i = 0; i < COUNT(WANT); i++) {
        const int side = models_find(WANT[i].name)->image_size;
        Graph *gray = graph_of(WANT[i].name, (Shape){1, side, side}, 10);
        Graph *colour = graph_of(WANT[i].name, (Shape){3, side, side}, 1000);
        assert_int_equal(graph_parameter_count(gray), WANT[i].gray);
        assert_int_equal(graph_parameter_count(colour), WANT[i].colour);
        int tensors = 0;
        for (Node n = 0; n < graph_node_count(gray); n++)
            tensors += graph_node(gray, n)->spec.param_count;
        assert_int_equal(tensors, WANT[i].tensors);
        graph_free(gray);
        graph_free(colour);
    }
}

/* In the order of Model.stages. */
static void stages_have_the_sizes_that_the_files_state(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int channels;
        Shape want[8];
    } NETWORKS[] = {
        {"googlenet_bn",
         1,
         {{64, 24, 24}, {192, 12, 12}, {480, 6, 6}, {832, 3, 3}, {1024, 1, 1}, {10, 1, 1}}},
        {"googlenet_v2",
         1,
         {{64, 24, 24}, {192, 12, 12}, {768, 6, 6}, {1280, 3, 3}, {1024, 1, 1}, {10, 1, 1}}},
        {"googlenet_residual",
         1,
         {{64, 24, 24}, {192, 12, 12}, {256, 6, 6}, {512, 3, 3}, {832, 1, 1}, {10, 1, 1}}},
        {"googlenet_torchvision",
         3,
         {{64, 56, 56}, {192, 28, 28}, {480, 14, 14}, {832, 7, 7}, {1024, 1, 1}, {10, 1, 1}}},
        {"inception_v3",
         3,
         {{64, 73, 73}, {192, 35, 35}, {768, 17, 17}, {1280, 8, 8}, {2048, 1, 1}, {10, 1, 1}}},
        {"resnet8",
         1,
         {{16, 28, 28}, {64, 14, 14}, {128, 7, 7}, {256, 3, 3}, {256, 1, 1}, {10, 1, 1}}},
        {"wide_resnet8",
         1,
         {{32, 28, 28}, {128, 14, 14}, {256, 7, 7}, {512, 3, 3}, {512, 1, 1}, {10, 1, 1}}},
        {"wide_resnet16",
         1,
         {{16, 28, 28}, {64, 28, 28}, {128, 14, 14}, {256, 7, 7}, {256, 1, 1}, {10, 1, 1}}},
        {"resnet18",
         3,
         {{64, 56, 56},
          {64, 56, 56},
          {128, 28, 28},
          {256, 14, 14},
          {512, 7, 7},
          {512, 1, 1},
          {10, 1, 1}}},
        {"resnet50",
         3,
         {{64, 56, 56},
          {256, 56, 56},
          {512, 28, 28},
          {1024, 14, 14},
          {2048, 7, 7},
          {2048, 1, 1},
          {10, 1, 1}}},
        {"alexnet",
         1,
         {{96, 26, 26}, {256, 12, 12}, {256, 5, 5}, {4096, 1, 1}, {4096, 1, 1}, {10, 1, 1}}},
        {"vgg11",
         1,
         {{64, 112, 112},
          {128, 56, 56},
          {256, 28, 28},
          {512, 14, 14},
          {512, 7, 7},
          {4096, 1, 1},
          {4096, 1, 1},
          {10, 1, 1}}},
        {"nin", 1, {{96, 26, 26}, {256, 12, 12}, {384, 5, 5}, {10, 5, 5}, {10, 1, 1}}},
    };
    for (size_t i = 0; i < COUNT(NETWORKS); i++) {
        const Model *m = models_find(NETWORKS[i].name);
        Graph *g =
            graph_of(m->name, (Shape){NETWORKS[i].channels, m->image_size, m->image_size}, 10);
        size_t s = 0;
        for (; m->stages[s]; s++)
            assert_true(
                shape_equal(graph_shape(g, graph_find(g, m->stages[s])), NETWORKS[i].want[s]));
        assert_true(s == COUNT(NETWORKS[i].want) || NETWORKS[i].want[s].channels == 0);
        graph_free(g);
    }
}

static void blocks_have_the_models_channels(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"2.0", "2.1", "3.0", "3.1", "3.2",
                                        "3.3", "3.4", "4.0", "4.1"};
    const BlockList own = model_blocks(models_find("googlenet"));
    assert_int_equal(own.count, COUNT(NAMES));
    for (size_t i = 0; i < COUNT(NAMES); i++)
        assert_string_equal(own.items[i].name, NAMES[i]);
    const Inception want = {112, {144, 288}, {32, 64}, 64};
    assert_memory_equal(&block_find(&own, "3.3")->channels, &want, sizeof want);
}

static void a_block_takes_the_channels_it_is_given(void **state)
{
    (void)state;
    Error err = {0};
    const Model *m = models_find("googlenet");
    const BlockList given = {.items = {{"2.1", {1, {2, 3}, {4, 5}, 6}}}, .count = 1};
    BlockList built = {0};
    Graph *g =
        model_graph_with(m, (Shape){1, 96, 96},
                         (ModelOptions){.classes = 10, .blocks = &given, .built = &built}, &err);
    assert_non_null(g);
    assert_int_equal(graph_shape(g, graph_find(g, "2.1.p1_1")).channels, 1);
    assert_int_equal(graph_shape(g, graph_find(g, "2.1.p2_1")).channels, 2);
    assert_int_equal(graph_shape(g, graph_find(g, "2.1.p2_2")).channels, 3);
    assert_int_equal(graph_shape(g, graph_find(g, "2.1.p3_1")).channels, 4);
    assert_int_equal(graph_shape(g, graph_find(g, "2.1.p3_2")).channels, 5);
    assert_int_equal(graph_shape(g, graph_find(g, "2.1.p4_2")).channels, 6);
    assert_int_equal(graph_shape(g, graph_find(g, "2.2")).channels, 15);
    assert_int_equal(graph_shape(g, graph_find(g, "2.0.concat")).channels, 256);
    assert_memory_equal(&block_find(&built, "2.1")->channels, &given.items[0].channels,
                        sizeof(Inception));
    graph_free(g);
}

static void wrong_blocks_are_refused(void **state)
{
    (void)state;
    Error err;
    const Model *m = models_find("googlenet");
    BlockList given = {.items = {{"2.2", {1, {1, 1}, {1, 1}, 1}}}, .count = 1};
    const ModelOptions o = {.classes = 10, .blocks = &given};
    CHECK_REFUSED(model_graph_with(m, (Shape){1, 96, 96}, o, &err), err, ERR_INVALID,
                  "googlenet has no block 2.2");
    given.items[0] = (InceptionBlock){"2.0", {1, {1, 1}, {1, 0}, 1}};
    CHECK_REFUSED(model_graph_with(m, (Shape){1, 96, 96}, o, &err), err, ERR_INVALID,
                  "block 2.0: channels must be 1 to 4096, got 0");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(googlenet_stages_have_the_chapters_sizes),
        cmocka_unit_test(googlenet_has_the_sizes_of_the_papers_table_1),
        cmocka_unit_test(googlenet_has_the_chapters_parameters_and_costs),
        cmocka_unit_test(wide_resnet16_has_the_papers_parameters_and_costs),
        cmocka_unit_test(parameters_bear_the_names_of_state_dict),
        cmocka_unit_test(every_model_has_stages_and_takes_its_smallest_image),
        cmocka_unit_test(every_network_has_pytorchs_parameters),
        cmocka_unit_test(stages_have_the_sizes_that_the_files_state),
        cmocka_unit_test(blocks_have_the_models_channels),
        cmocka_unit_test(a_block_takes_the_channels_it_is_given),
        cmocka_unit_test(wrong_blocks_are_refused),
        cmocka_unit_test(numbers_out_of_range_are_refused),
    };
    return RUN_TESTS(tests);
}
