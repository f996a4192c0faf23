/* tests/core/net/test_views.c -- values and gradients that are parts of others: which are, and that
 * nothing comes out differently. */
#include <omp.h>
#include <string.h>

#include "core/layers/batch_norm.h"
#include "core/layers/concat.h"
#include "core/layers/conv/conv.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/max_pool.h"
#include "core/layers/relu.h"
#include "core/layers/slice.h"
#include "core/models/models.h"
#include "core/net/memory_plan.h"
#include "core/net/net.h"
#include "core/net/rewrites.h"
#include "core/train/init.h"
#include "tests/check.h"
#include "tests/core/bound.h"

/* ---- Small graphs, with the library's kernels: equal bits ---- */

enum { BATCH = 3, HEIGHT = 5, WIDTH = 4 };

static Graph *graph_of(int channels)
{
    return graph_new((Shape){channels, HEIGHT, WIDTH});
}

static Node pointwise(Graph *g, Node src, const char *name, int out)
{
    return conv(g, src, name, (Conv){.out = out, .kernel = 1});
}

/* A concat in a concat, of a conv with its ReLU, a ReLU, and a pool. */
static Graph *nested(void)
{
    Graph *g = graph_of(3);
    const Node x = graph_input(g);
    const Node folded = conv(g, x, "a", (Conv){.out = 16, .kernel = 3, .pad = 1, .relu = true});
    const Node pool = max_pool(g, x, "b", (Pool){.kernel = 3, .pad = 1});
    const Node inner = concat(g, "inner", (Node[]){folded, pool}, 2);
    const Node last = relu(g, pointwise(g, x, "c", 5), "d");
    pointwise(g, concat(g, "outer", (Node[]){last, inner}, 2), "out", 4);
    return g;
}

/* Slices that a conv, a pool, a fork and a concat read; one of them of a slice. */
static Graph *sliced(void)
{
    Graph *g = graph_of(3);
    const Node whole = pointwise(g, graph_input(g), "a", 40);
    const Node s1 = slice(g, whole, "s1", (Slice){.first = 0, .channels = 16});
    const Node s2 = slice(g, whole, "s2", (Slice){.first = 16, .channels = 3});
    const Node s3 = slice(g, whole, "s3", (Slice){.first = 19, .channels = 21});
    const Node s4 = slice(g, s3, "s4", (Slice){.first = 0, .channels = 9});
    const Node s5 = slice(g, s3, "s5", (Slice){.first = 9, .channels = 12});
    const Node b =
        conv(g, s1, "b", (Conv){.out = 32, .kernel = 3, .pad = 1, .relu = true, .src_mask = true});
    const Node c = max_pool(g, s4, "c", (Pool){.kernel = 3, .pad = 1});
    const Node d = pointwise(g, s5, "d", 7), e = relu(g, s5, "e");
    pointwise(g, concat(g, "f", (Node[]){s2, b, c, d, e}, 5), "out", 4);
    return g;
}

/* Batch norms, one with its ReLU folded in, write into the concat. */
static Graph *normed(void)
{
    Graph *g = graph_of(3);
    const Node x = graph_input(g);
    const Node a = batch_norm(g, pointwise(g, x, "a", 20), "an", (BatchNorm){.relu = true});
    const Node b = batch_norm(g, pointwise(g, x, "b", 35), "bn", (BatchNorm){.relu = false});
    pointwise(g, concat(g, "c", (Node[]){a, b}, 2), "out", 4);
    return g;
}

/* Layers that take no views stand in the way: a slice and a concat copy. */
static Graph *mixed(void)
{
    Graph *g = graph_of(6);
    const Node s1 = slice(g, graph_input(g), "s1", (Slice){.first = 0, .channels = 4});
    const Node s2 = slice(g, graph_input(g), "s2", (Slice){.first = 4, .channels = 2});
    const Node a = global_avg_pool(g, s1, "a");
    const Node b = conv(g, s2, "b", (Conv){.out = 3, .kernel = HEIGHT, .kernel_w = WIDTH});
    concat(g, "out", (Node[]){a, b}, 2);
    return g;
}

static const struct {
    Graph *(*build)(void);
    const char *dense;  // nodes whose values have blocks of their own
    const char *parts;  // nodes whose values are parts
} GRAPHS[] = {
    {nested, "outer out", "a b inner d"},
    {sliced, "a f out", "s1 s2 s3 s4 s5 b c d e"},
    {normed, "a b c out", "an bn"},
    {mixed, "s1 out a", "s2 b"},
};

static void check_same_bits(const Bound *a, const Bound *b)
{
    assert_memory_equal(a->dst, b->dst, a->dst_count * sizeof(float));
    assert_memory_equal(a->diff_src, b->diff_src, a->src_count * sizeof(float));
    assert_memory_equal(a->params->grads, b->params->grads,
                        a->params->trained_count * sizeof(float));
}

static void views_change_no_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * 3 * COUNT(GRAPHS); i++) {
        BoundConfig how = {.batch = BATCH, .seed = i, .bf16 = i % 2};
        if (how.bf16 && !net_bf16_is_fast())
            continue;
        bound_threads((int)(i / 2 % 3) + 1);
        Bound *plain = bound_new(GRAPHS[i / 6].build(), how);
        how.views = true;
        Bound *views = bound_new(GRAPHS[i / 6].build(), how);
        bound_forward(plain);
        bound_forward(views);
        bound_backward(plain);
        bound_backward(views);
        check_same_bits(plain, views);
        bound_free(plain);
        bound_free(views);
    }
}

static void gradients_of_views_are_right(void **state)
{
    (void)state;
    Bound *b = bound_new(mixed(), (BoundConfig){.batch = BATCH, .seed = 1, .views = true});
    assert_true(bound_gradient_error(b, 0.25) < 1e-3);
    bound_free(b);
}

/* ---- The memory plan ---- */

static MemoryPlan *plan_of(const Graph *g, bool views)
{
    return memory_plan_new(g, (MemoryPlanConfig){.batch = 2, .training = true, .views = views});
}

static bool is_part(const Graph *g, const MemoryPlan *plan, const char *name)
{
    const Node n = graph_find(g, name);
    if (n == NODE_NONE)
        fail_msg("no node %s", name);
    return plan->blocks[plan->value[n]].part_of >= 0;
}

static void check_parts(const Graph *g, const MemoryPlan *plan, const char *names, bool want)
{
    char *list = xstrdup(names), *rest = list;
    for (const char *name; (name = strtok_r(rest, " ", &rest));) {
        if (is_part(g, plan, name) != want)
            fail_msg("%s is %s part of another value", name, want ? "no" : "a");
    }
    free(list);
}

static void values_are_parts_where_layers_take_views(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(GRAPHS); i++) {
        Graph *g = GRAPHS[i].build(), *runs = rewrite_insert_forks(g);
        MemoryPlan *plan = plan_of(runs, true), *plain = plan_of(runs, false);
        check_parts(runs, plan, GRAPHS[i].parts, true);
        check_parts(runs, plan, GRAPHS[i].dense, false);
        for (int b = 0; b < plain->count; b++)
            assert_int_equal(plain->blocks[b].part_of, -1);
        memory_plan_free(plain);
        memory_plan_free(plan);
        graph_free(runs);
        graph_free(g);
    }
}

/* Parts of one block that are there at the same time lie apart, and within it. */
static void check_within(const Graph *g, const MemoryPlan *plan)
{
    for (int i = 0; i < plan->count; i++) {
        const PlanBlock *a = &plan->blocks[i];
        if (a->part_of < 0)
            continue;
        const PlanBlock *whole = &plan->blocks[a->part_of];
        assert_int_equal(whole->part_of, -1);
        assert_int_equal(whole->kind, a->kind);
        assert_true(a->first >= 0
                    && a->first + graph_shape(g, a->node).channels
                           <= graph_shape(g, whole->node).channels);
        assert_true(whole->life.birth <= a->life.birth && a->life.death <= whole->life.death);
        assert_int_equal(a->offset, whole->offset + (size_t)a->first * (a->bf16 ? 2 : 4));
    }
}

static void views_of_googlenet_copy_one_slice_in_each_block(void **state)
{
    (void)state;
    Graph *g = model_graph(models_find("googlenet"), (Shape){1, 96, 96}, 10, NULL);
    Graph *runs = rewrite_all(g, 0);
    MemoryPlan *plan = plan_of(runs, true);
    int copied = 0;
    for (Node n = 1; n < graph_node_count(runs); n++) {
        const GraphNode *node = graph_node(runs, n);
        const PlanBlock *value = &plan->blocks[plan->value[n]];
        if (node->type == &SLICE)
            copied += value->part_of != plan->value[node->srcs[0]];
        for (int s = 0; node->type == &CONCAT && s < node->src_count; s++) {
            assert_int_equal(plan->blocks[plan->value[node->srcs[s]]].part_of, plan->value[n]);
            const PlanBlock *diff = &plan->blocks[plan->diff_src[n * GRAPH_MAX_SRCS + s]];
            assert_true(diff->part_of >= 0 && plan->blocks[diff->part_of].node == n);
        }
    }
    assert_int_equal(copied, 9);
    check_within(runs, plan);
    memory_plan_free(plan);
    graph_free(runs);
    graph_free(g);
}

/* ---- Our own kernels ---- */

enum { SIDE = 28, CLASSES = 10, IMAGES = 8 };

typedef struct {
    ParamStore *params;
    Net *net;
    Metrics metrics;
} Run;

static Run run_of(const Graph *g, bool bf16, unsigned without, Autotune *autotune)
{
    static float images[IMAGES * SIDE * SIDE];
    static int32_t labels[IMAGES];
    Error err = {0};
    Run r = {0};
    for (int i = 0; i < IMAGES * SIDE * SIDE; i++)
        images[i] = (float)(i * 37 % 101) / 101;
    for (int i = 0; i < IMAGES; i++)
        labels[i] = i % CLASSES;
    CHECK_OK(params_new(g, &r.params, &err), err);
    init_params(r.params, init_xavier_uniform, 5);
    const NetConfig how = {
        .batch_size = IMAGES, .bf16 = bf16, .without = without, .autotune = autotune};
    CHECK_OK(net_new(g, r.params, how, &r.net, &err), err);
    const NetBatch batch = {.images = images, .labels = labels, .count = IMAGES};
    CHECK_OK(net_train_batch(r.net, &batch, &r.metrics, &err), err);
    return r;
}

static void run_free(Run *r)
{
    net_free(r->net);
    params_free(r->params);
}

/* A problem's key without its strides: "64/176x12" -> "64x12". */
static void without_strides(const char *key, char *dense)
{
    for (; *key; key++) {
        if (*key == '/')
            key += strspn(key + 1, "0123456789");
        else
            *dense++ = *key;
    }
    *dense = '\0';
}

/* Give the problems of `strided`, a record, the kernels that `dense` has for them. */
static Autotune *same_kernels(const char *dense, char *strided)
{
    Autotune *a = autotune_new();
    for (char *rest = strided, *line; (line = strtok_r(rest, "\n", &rest));) {
        char *bar = strstr(line, " | "), key[AUTOTUNE_KEY];
        if (!bar)
            continue;
        *bar = '\0';
        without_strides(line, key);
        const char *at = strstr(dense, key);
        assert_non_null(at);
        char *kernel = xstrdup(at + strlen(key) + strlen(" | "));
        kernel[strcspn(kernel, "\n")] = '\0';
        autotune_fix(a, line, kernel);
        free(kernel);
    }
    return a;
}

static void own_kernels_give_the_same_bits_in_views(void **state)
{
    (void)state;
    Graph *g = model_graph(models_find("googlenet_tiny"), (Shape){1, SIDE, SIDE}, CLASSES, NULL);
    for (int bf16 = 0; bf16 <= net_bf16_is_fast(); bf16++) {
        if (!memory_plan_views_pay(bf16))
            continue;
        Autotune *first = autotune_new(), *second = autotune_new();
        Run plain = run_of(g, bf16, REWRITE_NO_VIEWS, first);
        Run views = run_of(g, bf16, 0, second);
        char *dense = autotune_record(first), *strided = autotune_record(second);
        assert_null(strchr(dense, '/'));
        assert_non_null(strchr(strided, '/'));
        Autotune *third = same_kernels(dense, strided);
        Run same = run_of(g, bf16, 0, third);
        assert_true(same.metrics.loss == plain.metrics.loss);
        assert_memory_equal(same.params->grads, plain.params->grads,
                            plain.params->trained_count * sizeof(float));
        free(dense);
        free(strided);
        run_free(&plain);
        run_free(&views);
        run_free(&same);
        autotune_free(first);
        autotune_free(second);
        autotune_free(third);
    }
    graph_free(g);
}

int main(int argc, char **argv)
{
    omp_set_num_threads(2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_change_no_bit),
        cmocka_unit_test(gradients_of_views_are_right),
        cmocka_unit_test(values_are_parts_where_layers_take_views),
        cmocka_unit_test(views_of_googlenet_copy_one_slice_in_each_block),
        cmocka_unit_test(own_kernels_give_the_same_bits_in_views),
    };
    return RUN_TESTS(tests);
}
