/* tests/core/net/test_net_norm.c -- networks with batch normalisation: what the rewrites make of
 * them computes the same. */
#include "core/layers/batch_norm.h"
#include "core/layers/concat.h"
#include "core/layers/conv.h"
#include "core/layers/relu.h"
#include "core/layers/slice.h"
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

/* Norms that differ, that not every sibling has, or that come in another order than their
 * convolutions, stay apart, behind the slices. */
static void other_norms_stay_apart(void **state)
{
    (void)state;
    enum { DIFFERENT, MISSING, READ_TWICE, TURNED, CASES };
    for (int i = 0; i < CASES; i++) {
        Error err = {0};
        Graph *g = graph_new((Shape){4, 6, 6});
        const Node a = conv(g, graph_input(g), "a", (Conv){.out = 8, .kernel = 1});
        const Node b = conv(g, graph_input(g), "b", (Conv){.out = 8, .kernel = 1});
        const BatchNorm usual = {.eps = 1e-3}, other = {.eps = 1e-2};
        Node x = i == TURNED ? NODE_NONE : batch_norm(g, a, "x", usual);
        Node y =
            i == MISSING ? relu(g, b, "y") : batch_norm(g, b, "y", i == DIFFERENT ? other : usual);
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folding_relu_changes_nothing),
        cmocka_unit_test(merging_siblings_changes_nothing),
        cmocka_unit_test(masking_in_the_reader_changes_nothing),
        cmocka_unit_test(norms_of_siblings_become_one),
        cmocka_unit_test(other_norms_stay_apart),
        cmocka_unit_test(evaluation_sees_the_statistics_of_the_last_batch),
    };
    return RUN_TESTS(tests);
}
