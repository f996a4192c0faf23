/* tests/core/net/test_net.c -- a whole network: what must not change its results does not, and it
 * learns. */
#include "core/net/net.h"

#include <omp.h>

#include "core/base/numbers/rng.h"
#include "core/layers/concat.h"
#include "core/layers/conv/conv.h"
#include "core/layers/fork.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/layers/relu.h"
#include "core/layers/slice.h"
#include "core/models/models.h"
#include "core/net/rewrites.h"
#include "core/train/init.h"
#include "tests/check.h"

enum { SIDE = 20, CLASSES = 7, BATCH = 13 };

typedef struct {
    Graph *graph;
    ParamStore *params;
    Net *net;
    float *images;
    int32_t labels[BATCH];
} Fixture;

static Fixture fixture_new(NetConfig config)
{
    Error err = {0};
    Fixture f = {0};
    f.graph = model_graph(models_find("googlenet_tiny"), (Shape){3, SIDE, SIDE}, CLASSES, &err);
    assert_non_null(f.graph);
    CHECK_OK(params_new(f.graph, &f.params, &err), err);
    init_params(f.params, init_xavier_uniform, 5);
    config.batch_size = BATCH;
    CHECK_OK(net_new(f.graph, f.params, config, &f.net, &err), err);
    f.images = xcalloc(BATCH * 3 * SIDE * SIDE, sizeof *f.images);
    Rng rng = rng_new(8, RNG_TEST, 0);
    for (int i = 0; i < BATCH * 3 * SIDE * SIDE; i++)
        f.images[i] = (float)rng_uniform(&rng);
    for (int i = 0; i < BATCH; i++)
        f.labels[i] = (int32_t)rng_below(&rng, CLASSES);
    return f;
}

static void fixture_free(Fixture *f)
{
    net_free(f->net);
    params_free(f->params);
    graph_free(f->graph);
    free(f->images);
}

static Metrics train(Fixture *f, int count)
{
    Error err = {0};
    const NetBatch batch = {.images = f->images, .labels = f->labels, .count = count};
    Metrics sum = {0};
    CHECK_OK(net_train_batch(f->net, &batch, &sum, &err), err);
    return sum;
}

static double largest(const float *numbers, size_t count)
{
    double max = 0;
    for (size_t i = 0; i < count; i++)
        max = fmax(max, fabs((double)numbers[i]));
    return max;
}

/* Both give the same loss, hits and gradients, but for rounding. */
static void check_equal_results(NetConfig a, NetConfig b)
{
    Fixture fa = fixture_new(a), fb = fixture_new(b);
    const Metrics ma = train(&fa, BATCH), mb = train(&fb, BATCH);
    CHECK_NEAR(ma.loss, mb.loss, 1e-4);
    assert_int_equal(ma.top1, mb.top1);
    assert_int_equal(ma.top5, mb.top5);
    assert_int_equal(ma.count, BATCH);
    assert_int_equal(mb.count, BATCH);
    const double scale = largest(fa.params->grads, fa.params->count);
    assert_true(scale > 0);
    for (size_t i = 0; i < fa.params->count; i++)
        CHECK_NEAR(fb.params->grads[i], fa.params->grads[i], 1e-5 * scale);
    fixture_free(&fa);
    fixture_free(&fb);
}

static void folding_relu_changes_nothing(void **state)
{
    (void)state;
    check_equal_results((NetConfig){.micro_batch = BATCH},
                        (NetConfig){.micro_batch = BATCH, .without = REWRITE_NO_FOLD_RELU});
}

static void folding_relu_removes_every_relu_of_googlenet(void **state)
{
    (void)state;
    Graph *g = model_graph(models_find("googlenet"), (Shape){1, 96, 96}, 10, NULL);
    Graph *folded = rewrite_fold_relu(g);
    int relus = 0;
    for (Node n = 1; n < graph_node_count(folded); n++)
        relus += strcmp(graph_node(folded, n)->type->name, "relu") == 0;
    assert_int_equal(relus, 0);
    assert_int_equal(graph_node_count(folded), graph_node_count(g) - 57);
    assert_int_equal(graph_parameter_count(folded), graph_parameter_count(g));
    graph_free(folded);
    graph_free(g);
}

/* Its other reader wants the value before the ReLU. */
static void a_relu_is_not_folded_into_what_others_read_too(void **state)
{
    (void)state;
    Graph *g = graph_new((Shape){2, 4, 4});
    const Node c = conv(g, graph_input(g), "conv", (Conv){.out = 3, .kernel = 1});
    const Node r = relu(g, c, "relu");
    concat(g, "both", (Node[]){c, r}, 2);
    Error err = {0};
    CHECK_OK(graph_check(g, &err), err);
    Graph *folded = rewrite_fold_relu(g);
    assert_int_equal(graph_node_count(folded), graph_node_count(g));
    assert_int_not_equal(graph_find(folded, "relu"), NODE_NONE);
    const Conv *kept = graph_node(folded, graph_find(folded, "conv"))->config;
    assert_false(kept->relu);
    graph_free(folded);
    graph_free(g);
}

typedef struct {
    double cosine;  // between the gradients
    double ratio;   // of their lengths
    double loss_difference;
} Likeness;

static Likeness likeness_of(NetConfig a, NetConfig b)
{
    Fixture fa = fixture_new(a), fb = fixture_new(b);
    const Metrics ma = train(&fa, BATCH), mb = train(&fb, BATCH);
    double dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < fa.params->count; i++) {
        const double x = fa.params->grads[i], y = fb.params->grads[i];
        dot += x * y;
        aa += x * x;
        bb += y * y;
    }
    fixture_free(&fa);
    fixture_free(&fb);
    return (Likeness){dot / sqrt(aa * bb), sqrt(bb / aa),
                      fabs(metrics_loss(&ma) - metrics_loss(&mb))};
}

/* The same numbers in the same order: equal bits. */
static void masking_in_the_reader_changes_nothing(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 <= net_bf16_is_fast(); bf16++) {
        Fixture a = fixture_new((NetConfig){.bf16 = bf16});
        Fixture b = fixture_new((NetConfig){.bf16 = bf16, .without = REWRITE_NO_MASK_IN_READER});
        const Metrics ma = train(&a, BATCH), mb = train(&b, BATCH);
        assert_true(ma.loss == mb.loss);
        assert_memory_equal(a.params->grads, b.params->grads, a.params->count * sizeof(float));
        assert_true(net_arena_bytes(a.net) < net_arena_bytes(b.net));
        fixture_free(&a);
        fixture_free(&b);
    }
}

static void every_conv_of_googlenet_leaves_its_mask_to_who_reads_it(void **state)
{
    (void)state;
    Graph *g = model_graph(models_find("googlenet"), (Shape){1, 96, 96}, 10, NULL);
    Graph *runs = rewrite_all(g, 0);
    int concats = 0, forks = 0, convs = 0;
    for (Node n = 1; n < graph_node_count(runs); n++) {
        const GraphNode *node = graph_node(runs, n);
        if (node->type == &CONCAT) {
            // The last one is read by a pool that does not mask.
            const bool last =
                graph_node(runs, graph_last_reader(runs, n))->type == &GLOBAL_AVG_POOL;
            assert_int_equal(((const Concat *)node->config)->relu_masks, last ? 15 : 0);
            concats++;
        } else if (node->type == &FORK) {
            forks += ((const Fork *)node->config)->relu_mask;
        } else if (node->type == &CONV) {
            assert_true(((const Conv *)node->config)->mask_moved);
            convs += ((const Conv *)node->config)->src_mask;
        } else if (node->type == &SLICE) {
            assert_false(((const Slice *)node->config)->relu_mask);
        }
    }
    assert_int_equal(concats, 9);
    assert_int_equal(forks, 6);          // behind concats; the others are behind pools
    assert_int_equal(convs, 2 * 9 + 1);  // two in each block, and "1.2"
    // Those behind convolutions and concats; the others read values that others read as well.
    const char *const pools[] = {"0.2", "1.4", "2.2", "2.0.p4_1"};
    for (size_t i = 0; i < COUNT(pools); i++) {
        const GraphNode *pool = graph_node(runs, graph_find(runs, pools[i]));
        assert_int_equal(((const Pool *)pool->config)->relu_mask, i < 3);
    }
    graph_free(runs);
    graph_free(g);
}

static void merging_siblings_changes_nothing(void **state)
{
    (void)state;
    const unsigned others[] = {0, REWRITE_NO_FOLD_RELU, REWRITE_NO_MASK_IN_READER};
    for (size_t i = 0; i < COUNT(others); i++)
        check_equal_results((NetConfig){.without = others[i]},
                            (NetConfig){.without = others[i] | REWRITE_NO_MERGE_SIBLINGS});
}

/* The forks round once where they rounded the sums of each path: no more than bfloat16 does. */
static void merging_siblings_keeps_the_gradients_of_bf16(void **state)
{
    (void)state;
    if (!net_bf16_is_fast())
        skip();
    const Likeness like = likeness_of(
        (NetConfig){.bf16 = true, .without = REWRITE_NO_MERGE_SIBLINGS}, (NetConfig){.bf16 = true});
    assert_true(like.cosine > 0.999);
    CHECK_NEAR(like.ratio, 1, 0.005);
}

/* Equal bits; the arena grows. */
static void reusing_memory_changes_nothing(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 <= net_bf16_is_fast(); bf16++) {
        Fixture a = fixture_new((NetConfig){.bf16 = bf16});
        Fixture b = fixture_new((NetConfig){.bf16 = bf16, .without = REWRITE_NO_REUSE_MEMORY});
        const Metrics ma = train(&a, BATCH), mb = train(&b, BATCH);
        assert_true(ma.loss == mb.loss);
        assert_memory_equal(a.params->grads, b.params->grads, a.params->count * sizeof(float));
        assert_true(3 * net_arena_bytes(a.net) < 2 * net_arena_bytes(b.net));
        fixture_free(&a);
        fixture_free(&b);
    }
}

static int count_of(const Graph *g, const LayerType *type)
{
    int count = 0;
    for (Node n = 1; n < graph_node_count(g); n++)
        count += graph_node(g, n)->type == type;
    return count;
}

static void three_siblings_of_each_block_of_googlenet_are_merged(void **state)
{
    (void)state;
    Graph *g = model_graph(models_find("googlenet"), (Shape){1, 96, 96}, 10, NULL);
    Graph *merged = rewrite_merge_siblings(g);
    assert_int_equal(count_of(merged, &CONV), count_of(g, &CONV) - 2 * 9);
    assert_int_equal(count_of(merged, &SLICE), 3 * 9);
    assert_int_equal(graph_parameter_count(merged), graph_parameter_count(g));
    assert_int_equal(graph_multiply_adds(merged), graph_multiply_adds(g));
    const GraphNode *first = graph_node(merged, graph_find(merged, "2.0.p1_1"));
    assert_int_equal(first->spec.dst.channels, 64 + 96 + 16);
    graph_free(merged);
    graph_free(g);
}

/* A convolution apart from its siblings has nothing to be merged with; among siblings that are not
 * all alike, parameters that could be read as one do not stand side by side. */
static void other_convolutions_are_left_alone(void **state)
{
    (void)state;
    static const Conv CASES[][3] = {
        {{.out = 2, .kernel = 1}, {.out = 2, .kernel = 1, .stride = 2}, {.out = 3, .kernel = 1}},
        {{.out = 2, .kernel = 1}, {.out = 2, .kernel = 1, .pad = 1}, {.out = 3, .kernel = 1}},
        {{.out = 2, .kernel = 1}, {.out = 2, .kernel = 1, .relu = true}, {.out = 3, .kernel = 1}},
        {{.out = 2, .kernel = 3, .pad = 1},
         {.out = 2, .kernel = 3, .pad = 1},
         {.out = 3, .kernel = 1}},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Error err = {0};
        Graph *g = graph_new((Shape){4, 6, 6});
        const char *const names[] = {"a", "b", "c"}, *const ends[] = {"x", "y", "z"};
        Node joined[3];
        for (int n = 0; n < 3; n++)
            joined[n] = linear(g, conv(g, graph_input(g), names[n], CASES[i][n]), ends[n],
                               (Linear){.out = 2});
        concat(g, "joined", joined, 3);
        CHECK_OK(graph_check(g, &err), err);
        Graph *same = rewrite_merge_siblings(g);
        assert_int_equal(count_of(same, &CONV), 3);
        assert_int_equal(count_of(same, &SLICE), 0);
        graph_free(same);
        graph_free(g);
    }
}

static void rewrites_are_left_out_by_name(void **state)
{
    (void)state;
    assert_int_equal(rewrite_flag("fold_relu"), REWRITE_NO_FOLD_RELU);
    assert_int_equal(rewrite_flag("merge_siblings"), REWRITE_NO_MERGE_SIBLINGS);
    assert_int_equal(rewrite_flag("mask_in_reader"), REWRITE_NO_MASK_IN_READER);
    assert_int_equal(rewrite_flag("reuse_memory"), REWRITE_NO_REUSE_MEMORY);
    assert_int_equal(rewrite_flag("fold_batch_norm"), REWRITE_NO_FOLD_BATCH_NORM);
    assert_int_equal(rewrite_flag("mask_past_concat"), REWRITE_NO_MASK_PAST_CONCAT);
    assert_int_equal(rewrite_flag("views"), REWRITE_NO_VIEWS);
    assert_int_equal(rewrite_flag("insert_forks"), 0);
    assert_int_equal(rewrite_flag("nothing"), 0);
}

/* REWRITE_NAMES is a sentence for people; the table that rewrite_flag reads is another. */
static void all_rewrites_that_can_be_left_out_are_named(void **state)
{
    (void)state;
    char names[] = REWRITE_NAMES, *rest = NULL;
    unsigned named = 0;
    for (char *name = strtok_r(names, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) {
        if (strcmp(name, "or") == 0)
            continue;
        assert_int_not_equal(rewrite_flag(name), 0);
        named |= rewrite_flag(name);
    }
    assert_int_equal(named, 2 * REWRITE_NO_VIEWS - 1);  // each flag up to the last
}

static void forks_leave_one_reader_to_every_value(void **state)
{
    (void)state;
    Graph *g = model_graph(models_find("googlenet"), (Shape){1, 96, 96}, 10, NULL);
    Graph *forked = rewrite_insert_forks(g);
    for (Node n = 0; n < graph_node_count(forked); n++) {
        if (graph_node(forked, n)->type != &FORK)
            assert_in_range(graph_reader_count(forked, n), 0, 1);
    }
    graph_free(forked);
    graph_free(g);
}

static void micro_batches_change_nothing(void **state)
{
    (void)state;
    for (int micro = 1; micro < BATCH; micro += 4)
        check_equal_results((NetConfig){.micro_batch = BATCH}, (NetConfig){.micro_batch = micro});
}

/* bfloat16 has 8 bits of precision: losses agree to a few of them, and the gradients point the same
 * way. */
static void bf16_follows_float32(void **state)
{
    (void)state;
    if (!net_bf16_is_fast())
        skip();
    const Likeness like = likeness_of((NetConfig){0}, (NetConfig){.bf16 = true});
    assert_true(like.loss_difference < 0.01);
    assert_true(like.cosine > 0.99);
    CHECK_NEAR(like.ratio, 1, 0.05);
}

static void smoothing_reaches_the_loss(void **state)
{
    (void)state;
    Fixture plain = fixture_new((NetConfig){0});
    Fixture smooth = fixture_new((NetConfig){.label_smoothing = 0.3});
    const Metrics a = train(&plain, BATCH), b = train(&smooth, BATCH);
    assert_true(fabs(metrics_loss(&a) - metrics_loss(&b)) > 1e-4);
    fixture_free(&plain);
    fixture_free(&smooth);
}

/* The mean is weighted over the batch, not over the parts that it is cut into. */
static void class_weights_are_of_the_whole_batch(void **state)
{
    (void)state;
    double weights[CLASSES];
    for (int k = 0; k < CLASSES; k++)
        weights[k] = 0.1 + k * k;
    const NetConfig whole = {
        .micro_batch = BATCH, .label_smoothing = 0.1, .class_weights = weights};
    NetConfig parts = whole;
    parts.micro_batch = 3;
    check_equal_results(whole, parts);
    Fixture weighted = fixture_new(whole), plain = fixture_new((NetConfig){0});
    const Metrics a = train(&weighted, BATCH), b = train(&plain, BATCH);
    assert_true(fabs(metrics_loss(&a) - metrics_loss(&b)) > 1e-4);
    fixture_free(&weighted);
    fixture_free(&plain);
}

static void equal_runs_give_equal_bits(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        omp_set_num_threads(threads);
        const NetConfig config = {.bf16 = threads % 2 == 0 && net_bf16_is_fast()};
        Fixture a = fixture_new(config), b = fixture_new(config);
        // A detour of other sizes in between must leave no trace.
        train(&a, BATCH);
        train(&b, 4);
        train(&b, BATCH);
        assert_memory_equal(a.params->grads, b.params->grads, a.params->count * sizeof(float));
        fixture_free(&a);
        fixture_free(&b);
    }
    omp_set_num_threads(2);
}

static void evaluation_gives_the_loss_of_training(void **state)
{
    (void)state;
    Error err = {0};
    Fixture f = fixture_new((NetConfig){0});
    float logits[BATCH * CLASSES];
    const Metrics trained = train(&f, BATCH);
    Metrics sum = {0};
    CHECK_OK(net_evaluate_batch(f.net,
                                &(NetBatch){.images = f.images, .labels = f.labels, .count = BATCH},
                                &sum, &err),
             err);
    CHECK_NEAR(sum.loss, trained.loss, 1e-5);
    assert_int_equal(sum.top1, trained.top1);
    CHECK_OK(net_forward(f.net, f.images, BATCH, logits, &err), err);
    int hits = 0;
    for (int n = 0; n < BATCH; n++) {
        int best = 0;
        for (int k = 1; k < CLASSES; k++)
            best = logits[n * CLASSES + k] > logits[n * CLASSES + best] ? k : best;
        hits += best == f.labels[n];
    }
    assert_int_equal(hits, trained.top1);
    fixture_free(&f);
}

static void changed_parameters_are_noticed_when_said(void **state)
{
    (void)state;
    Fixture f = fixture_new((NetConfig){0});
    const Metrics before = train(&f, BATCH);
    memset(f.params->values, 0, f.params->count * sizeof(float));
    net_params_changed(f.net);
    const Metrics after = train(&f, BATCH);
    assert_true(fabs(before.loss - after.loss) > 1e-6);
    CHECK_NEAR(metrics_loss(&after), log(CLASSES), 1e-6);
    fixture_free(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folding_relu_changes_nothing),
        cmocka_unit_test(folding_relu_removes_every_relu_of_googlenet),
        cmocka_unit_test(a_relu_is_not_folded_into_what_others_read_too),
        cmocka_unit_test(masking_in_the_reader_changes_nothing),
        cmocka_unit_test(every_conv_of_googlenet_leaves_its_mask_to_who_reads_it),
        cmocka_unit_test(merging_siblings_changes_nothing),
        cmocka_unit_test(merging_siblings_keeps_the_gradients_of_bf16),
        cmocka_unit_test(reusing_memory_changes_nothing),
        cmocka_unit_test(three_siblings_of_each_block_of_googlenet_are_merged),
        cmocka_unit_test(other_convolutions_are_left_alone),
        cmocka_unit_test(rewrites_are_left_out_by_name),
        cmocka_unit_test(all_rewrites_that_can_be_left_out_are_named),
        cmocka_unit_test(forks_leave_one_reader_to_every_value),
        cmocka_unit_test(micro_batches_change_nothing),
        cmocka_unit_test(bf16_follows_float32),
        cmocka_unit_test(smoothing_reaches_the_loss),
        cmocka_unit_test(class_weights_are_of_the_whole_batch),
        cmocka_unit_test(equal_runs_give_equal_bits),
        cmocka_unit_test(evaluation_gives_the_loss_of_training),
        cmocka_unit_test(changed_parameters_are_noticed_when_said),
    };
    return RUN_TESTS(tests);
}
