/* tests/core/net/test_net_norm.c -- networks with batch normalisation: what the rewrites make of
 * them computes the same. */
#include "core/layers/batch_norm.h"
#include "core/layers/concat.h"
#include "core/layers/conv/conv.h"
#include "core/layers/relu.h"
#include "core/layers/slice.h"
#include "core/models/models.h"
#include "core/net/folded.h"
#include "core/net/memory_estimate.h"
#include "core/net/rewrites.h"
#include "tests/check.h"
#include "tests/core/net/norm_fixture.h"

static int count_of(const Graph *g, const LayerType *type)
{
    int count = 0;
    for (Node n = 1; n < graph_node_count(g); n++)
        count += graph_node(g, n)->type == type;
    return count;
}

/* Loss, gradients, running statistics and counters after a batch, but for rounding; in bfloat16 the
 * gradients point the same way. */
static void check_equal_results(NetConfig a, NetConfig b)
{
    NormFixture x = norm_fixture_new(a), y = norm_fixture_new(b);
    const Metrics mx = norm_train(&x, NORM_BATCH), my = norm_train(&y, NORM_BATCH);
    const ParamStore *p = x.params, *q = y.params;
    CHECK_NEAR(mx.loss, my.loss, a.bf16 ? 0.02 * mx.loss : 1e-5 * mx.loss);
    double dot = 0, pp = 0, qq = 0, largest = 0;
    for (size_t i = 0; i < p->trained_count; i++) {
        dot += (double)p->grads[i] * (double)q->grads[i];
        pp += (double)p->grads[i] * (double)p->grads[i];
        qq += (double)q->grads[i] * (double)q->grads[i];
        largest = fmax(largest, fabs((double)p->grads[i]));
    }
    assert_true(dot / sqrt(pp * qq) > (a.bf16 ? 0.99 : 0.999999));
    for (size_t i = 0; i < p->trained_count && !a.bf16; i++)
        CHECK_NEAR(q->grads[i], p->grads[i], 2e-5 * largest);
    for (size_t i = p->trained_count; i < p->count; i++)
        CHECK_NEAR(q->values[i], p->values[i], a.bf16 ? 1e-2 : 1e-5);
    for (size_t i = 0; i < p->counter_count; i++) {
        assert_int_equal(p->counters[i], 1);
        assert_int_equal(q->counters[i], 1);
    }
    norm_fixture_free(&x);
    norm_fixture_free(&y);
}

static void leaving_out_changes_nothing(unsigned without)
{
    for (int bf16 = 0; bf16 <= net_bf16_is_fast(); bf16++)
        check_equal_results((NetConfig){.bf16 = bf16},
                            (NetConfig){.bf16 = bf16, .without = without});
}

static void folding_relu_changes_nothing(void **state)
{
    (void)state;
    leaving_out_changes_nothing(REWRITE_NO_FOLD_RELU);
    Graph *g = norm_graph(), *folded = rewrite_fold_relu(g);
    assert_int_equal(count_of(folded, &RELU), 0);
    for (Node n = 1; n < graph_node_count(folded); n++) {
        const GraphNode *node = graph_node(folded, n);
        if (node->type == &BATCH_NORM)
            assert_int_equal(((const BatchNorm *)node->config)->relu,
                             strcmp(node->name, "between") != 0);
        if (node->type == &CONV)
            assert_false(((const Conv *)node->config)->relu);
    }
    graph_free(folded);
    graph_free(g);
}

static void merging_siblings_changes_nothing(void **state)
{
    (void)state;
    leaving_out_changes_nothing(REWRITE_NO_MERGE_SIBLINGS);
    leaving_out_changes_nothing(REWRITE_NO_MERGE_SIBLINGS | REWRITE_NO_FOLD_RELU);
}

static void masking_in_the_reader_changes_nothing(void **state)
{
    (void)state;
    leaving_out_changes_nothing(REWRITE_NO_MASK_IN_READER);
}

static void norms_of_siblings_become_one(void **state)
{
    (void)state;
    Graph *g = norm_graph(), *folded = rewrite_fold_relu(g);
    Graph *merged = rewrite_merge_siblings(folded);
    assert_int_equal(count_of(merged, &CONV), count_of(g, &CONV) - 2 * 2);
    assert_int_equal(count_of(merged, &BATCH_NORM), count_of(g, &BATCH_NORM) - 2 * 2);
    assert_int_equal(count_of(merged, &SLICE), 2 * 3);
    const GraphNode *norm = graph_node(merged, graph_find(merged, "1.p1.bn"));
    assert_int_equal(norm->spec.dst.channels, 16 + 24 + 7);
    assert_int_equal(((const BatchNorm *)norm->config)->counters, 3);
    assert_true(((const BatchNorm *)norm->config)->relu);
    const GraphNode *part = graph_node(merged, graph_find(merged, "1.p3_1.bn.slice"));
    assert_int_equal(((const Slice *)part->config)->first, 16 + 24);
    assert_false(((const Slice *)part->config)->relu_mask);
    graph_free(merged);
    graph_free(folded);
    graph_free(g);
}

static void googlenet_bn_runs_as_many_layers_as_it_should(void **state)
{
    (void)state;
    Graph *g = model_graph(models_find("googlenet_bn"), (Shape){1, 96, 96}, 10, NULL);
    Graph *runs = rewrite_all(g, 0), *folded = rewrite_fold_batch_norm(g);
    assert_int_equal(count_of(g, &BATCH_NORM), 57);
    assert_int_equal(count_of(runs, &CONV), 57 - 2 * 9);
    assert_int_equal(count_of(runs, &BATCH_NORM), 57 - 2 * 9);
    assert_int_equal(count_of(runs, &RELU), 0);
    assert_int_equal(count_of(folded, &BATCH_NORM), 0);
    Graph *plain = model_graph(models_find("googlenet"), (Shape){1, 96, 96}, 10, NULL);
    Graph *plain_runs = rewrite_all(plain, 0), *evaluated = rewrite_all(folded, 0);
    assert_int_equal(graph_node_count(evaluated), graph_node_count(plain_runs));
    assert_int_equal(graph_parameter_count(evaluated), graph_parameter_count(plain_runs));
    Graph *all[] = {g, runs, folded, plain, plain_runs, evaluated};
    for (size_t i = 0; i < COUNT(all); i++)
        graph_free(all[i]);
}

/* Norms that differ, that not every sibling has, or that come in another order than their
 * convolutions, stay apart, behind the slices. */
static void other_norms_stay_apart(void **state)
{
    (void)state;
    enum { EPS, MOMENTUM, FOLDED, MISSING, READ_TWICE, TURNED, CASES };
    for (int i = 0; i < CASES; i++) {
        Error err = {0};
        Graph *g = graph_new((Shape){4, 6, 6});
        const Node a = conv(g, graph_input(g), "a", (Conv){.out = 8, .kernel = 1});
        const Node b = conv(g, graph_input(g), "b", (Conv){.out = 8, .kernel = 1});
        const BatchNorm usual = {.eps = 1e-3};
        const BatchNorm other = {.eps = i == EPS ? 1e-2 : 1e-3,
                                 .momentum = i == MOMENTUM ? 0.2 : 0,
                                 .relu = i == FOLDED};
        Node x = i == TURNED ? NODE_NONE : batch_norm(g, a, "x", usual);
        const Node y = i == MISSING ? relu(g, b, "y") : batch_norm(g, b, "y", other);
        x = i == TURNED ? batch_norm(g, a, "x", usual) : x;
        concat(g, "all", (Node[]){x, y, a}, i == READ_TWICE ? 3 : 2);
        CHECK_OK(graph_check(g, &err), err);
        Graph *merged = rewrite_merge_siblings(g);
        assert_int_equal(count_of(merged, &CONV), 1);
        assert_int_equal(count_of(merged, &BATCH_NORM), count_of(g, &BATCH_NORM));
        assert_int_not_equal(graph_find(merged, "b.slice"), NODE_NONE);
        graph_free(merged);
        graph_free(g);
    }
}

/* Without a word from outside: the batch changed them. */
static void evaluation_sees_the_statistics_of_the_last_batch(void **state)
{
    (void)state;
    Error err = {0};
    enum { LOGITS = NORM_BATCH * NORM_CLASSES };
    float before[LOGITS], after[LOGITS], again[LOGITS];
    NormFixture f = norm_fixture_new((NetConfig){0});
    CHECK_OK(net_forward(f.net, f.images, NORM_BATCH, before, &err), err);
    norm_train(&f, NORM_BATCH);
    CHECK_OK(net_forward(f.net, f.images, NORM_BATCH, after, &err), err);
    net_params_changed(f.net);
    CHECK_OK(net_forward(f.net, f.images, NORM_BATCH, again, &err), err);
    assert_memory_not_equal(before, after, sizeof before);
    assert_memory_equal(after, again, sizeof after);
    norm_fixture_free(&f);
}

static double largest_of(const float *numbers, size_t count)
{
    double max = 0;
    for (size_t i = 0; i < count; i++)
        max = fmax(max, fabs((double)numbers[i]));
    return max;
}

/* Also after a batch has changed the statistics, and in parts that training does not have. */
static void folding_norms_changes_no_evaluation(void **state)
{
    (void)state;
    enum { LOGITS = NORM_BATCH * NORM_CLASSES };
    static const unsigned OTHERS[] = {0, REWRITE_NO_FOLD_RELU, REWRITE_NO_MERGE_SIBLINGS};
    for (int bf16 = 0; bf16 <= net_bf16_is_fast(); bf16++) {
        for (size_t i = 0; i < COUNT(OTHERS); i++) {
            Error err = {0};
            const unsigned without = OTHERS[i] | REWRITE_NO_FOLD_BATCH_NORM;
            NormFixture a =
                norm_fixture_new((NetConfig){.bf16 = bf16, .micro_batch = 4, .without = OTHERS[i]});
            NormFixture b = norm_fixture_new((NetConfig){.bf16 = bf16, .without = without});
            for (int step = 0; step < 2; step++) {
                float x[LOGITS], y[LOGITS];
                CHECK_OK(net_forward(a.net, a.images, NORM_BATCH, x, &err), err);
                CHECK_OK(net_forward(b.net, b.images, NORM_BATCH, y, &err), err);
                const double scale = largest_of(y, LOGITS);
                assert_true(scale > 0.1);
                for (int k = 0; k < LOGITS; k++)
                    CHECK_NEAR(x[k], y[k], (bf16 ? 2e-2 : 1e-5) * scale);
                const Metrics ma = norm_train(&a, NORM_BATCH), mb = norm_train(&b, NORM_BATCH);
                assert_true(ma.loss == mb.loss);  // training runs the same
                assert_memory_equal(a.params->grads, b.params->grads,
                                    a.params->trained_count * sizeof(float));
            }
            norm_fixture_free(&a);
            norm_fixture_free(&b);
        }
    }
}

static void evaluation_has_no_norm_behind_a_conv(void **state)
{
    (void)state;
    Graph *g = norm_graph(), *folded = rewrite_fold_batch_norm(g);
    assert_int_equal(count_of(folded, &BATCH_NORM), 1);
    assert_int_not_equal(graph_find(folded, "between"), NODE_NONE);
    assert_int_equal(count_of(folded, &CONV), count_of(g, &CONV));
    for (Node n = 1; n < graph_node_count(folded); n++) {
        const GraphNode *node = graph_node(folded, n);
        if (node->type == &CONV)
            assert_false(((const Conv *)node->config)->no_bias);
    }
    graph_free(folded);
    graph_free(g);
}

/* A conv with a ReLU of its own, or that others read too, keeps its norm. */
static void other_convs_keep_their_norm(void **state)
{
    (void)state;
    for (int twice = 0; twice <= 1; twice++) {
        Graph *g = graph_new((Shape){4, 6, 6});
        const Node a = conv(g, graph_input(g), "a", (Conv){.out = 8, .kernel = 1, .relu = !twice});
        const Node x = batch_norm(g, a, "x", (BatchNorm){.eps = 1e-3});
        concat(g, "all", (Node[]){x, a}, 1 + twice);
        Graph *folded = rewrite_fold_batch_norm(g);
        assert_int_equal(count_of(folded, &BATCH_NORM), 1);
        graph_free(folded);
        graph_free(g);
    }
}

/* Each parameter once, by its own statistics; one without a norm as it is. */
static void folded_parameters_are_what_they_should_be(void **state)
{
    (void)state;
    Error err = {0};
    Folded *f = NULL;
    NormFixture x = norm_fixture_new((NetConfig){0});
    CHECK_OK(folded_new(x.graph, x.params, &f, &err), err);
    folded_update(f, 1);
    const float *from = x.params->values, *to = folded_params(f)->values;
    static const char *const CONVS[] = {"0", "1.p3_1", "2.p4_2"};  // the first one has a bias
    for (size_t i = 0; i < COUNT(CONVS); i++) {
        static const char *const NAMES[] = {"conv.weight", "conv.bias",       "bn.weight",
                                            "bn.bias",     "bn.running_mean", "bn.running_var"};
        const float *p[COUNT(NAMES)] = {0};
        for (size_t k = 0; k < COUNT(NAMES); k++) {
            char *name = xasprintf("%s.%s", CONVS[i], NAMES[k]);
            const Param *param = params_find(x.params, name);
            p[k] = param ? from + param->offset : NULL;
            free(name);
        }
        char *weight = xasprintf("%s.conv.weight", CONVS[i]);
        char *bias = xasprintf("%s.conv.bias", CONVS[i]);
        const Param *w = params_find(folded_params(f), weight);
        const float *b = to + params_find(folded_params(f), bias)->offset;
        const size_t inputs = w->count / (size_t)w->dims[0];
        for (size_t o = 0; o < (size_t)w->dims[0]; o++) {
            const double s = (double)p[2][o] / sqrt((double)p[5][o] + 1e-3);
            const double before = p[1] ? (double)p[1][o] : 0;
            CHECK_NEAR(b[o], s * (before - (double)p[4][o]) + (double)p[3][o], 1e-6);
            for (size_t k = o * inputs; k < (o + 1) * inputs; k++)
                CHECK_NEAR(to[w->offset + k], s * (double)p[0][k], 1e-6);
        }
        free(weight);
        free(bias);
    }
    static const char *const SAME[] = {"out.weight", "between.running_var", "between.weight"};
    for (size_t i = 0; i < COUNT(SAME); i++) {
        const Param *a = params_find(x.params, SAME[i]);
        assert_memory_equal(from + a->offset, to + params_find(folded_params(f), SAME[i])->offset,
                            a->count * sizeof(float));
    }
    // The same version again: nothing to do. The next one is computed.
    const size_t linear = params_find(x.params, "out.bias")->offset;
    const float before = x.params->values[linear];
    x.params->values[linear] += 1;
    const float *copied = to + params_find(folded_params(f), "out.bias")->offset;
    folded_update(f, 1);
    assert_true(*copied == before);
    folded_update(f, 2);
    assert_true(*copied == x.params->values[linear]);
    folded_free(f);
    norm_fixture_free(&x);
}

/* Training takes the whole batch as one part, evaluation does not. */
static void memory_is_what_the_estimate_says(void **state)
{
    (void)state;
    NormFixture f = norm_fixture_new((NetConfig){0});
    const MemoryQuestion q = {.batch_size = NORM_BATCH, .threads = 2, .train_count = 100};
    norm_train(&f, NORM_BATCH);
    assert_int_equal(memory_estimate(f.graph, &q).feature_maps, net_arena_bytes(f.net));
    assert_int_equal(net_default_micro_batch(f.graph, 128, 2), 128);
    assert_int_equal(net_evaluation_micro_batch(128, 2), 32);
    // Evaluation has weights of its own.
    MemoryQuestion with = q;
    with.test_count = NORM_BATCH;
    const MemoryEstimate a = memory_estimate(f.graph, &q), b = memory_estimate(f.graph, &with);
    const size_t numbers = (size_t)graph_parameter_count(f.graph);
    assert_int_equal(b.parameters - a.parameters, numbers * sizeof(float));
    norm_fixture_free(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folding_relu_changes_nothing),
        cmocka_unit_test(merging_siblings_changes_nothing),
        cmocka_unit_test(masking_in_the_reader_changes_nothing),
        cmocka_unit_test(norms_of_siblings_become_one),
        cmocka_unit_test(googlenet_bn_runs_as_many_layers_as_it_should),
        cmocka_unit_test(other_norms_stay_apart),
        cmocka_unit_test(evaluation_sees_the_statistics_of_the_last_batch),
        cmocka_unit_test(folding_norms_changes_no_evaluation),
        cmocka_unit_test(evaluation_has_no_norm_behind_a_conv),
        cmocka_unit_test(other_convs_keep_their_norm),
        cmocka_unit_test(folded_parameters_are_what_they_should_be),
        cmocka_unit_test(memory_is_what_the_estimate_says),
    };
    return RUN_TESTS(tests);
}
