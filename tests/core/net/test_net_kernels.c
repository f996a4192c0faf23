/* tests/core/net/test_net_kernels.c -- a net with each kernel against oneDNN's, fixed by hand and
 * by measurement; a batch whose last part is smaller, and evaluation. */
#include <omp.h>
#include <stdio.h>

#include "core/base/numbers/rng.h"
#include "core/kernels/conv/conv_problem.h"
#include "core/kernels/conv/gemm.h"
#include "core/layers/conv/conv.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/net/net.h"
#include "core/train/init.h"
#include "tests/check.h"

enum { SIDE = 12, IN = 16, CLASSES = 5, BATCH = 7, MICRO = 3 };

typedef struct {
    Graph *graph;
    ParamStore *params;
    Autotune *autotune;
    Net *net;
    float *images;
    int32_t labels[BATCH];
} Fixture;

static Graph *network(void)
{
    Graph *g = graph_new((Shape){IN, SIDE, SIDE});
    Node x = conv(g, graph_input(g), "a", (Conv){.out = 32, .kernel = 3, .pad = 1, .relu = true});
    x = conv(g, x, "b", (Conv){.out = 48, .kernel = 5, .pad = 2, .relu = true});
    x = conv(g, x, "c", (Conv){.out = 32, .kernel = 1, .relu = true});
    x = global_avg_pool(g, x, "d");
    linear(g, x, "e", (Linear){.out = CLASSES});
    return g;
}

/* Takes graph and autotune. */
static Fixture fixture_of(Graph *graph, int channels, bool bf16, Autotune *autotune)
{
    Error err = {0};
    Fixture f = {.graph = graph, .autotune = autotune};
    CHECK_OK(graph_check(f.graph, &err), err);
    CHECK_OK(params_new(f.graph, &f.params, &err), err);
    init_params(f.params, init_xavier_uniform, 5);
    const NetConfig how = {
        .batch_size = BATCH, .micro_batch = MICRO, .bf16 = bf16, .autotune = autotune};
    CHECK_OK(net_new(f.graph, f.params, how, &f.net, &err), err);
    const int numbers = BATCH * channels * SIDE * SIDE;
    f.images = xcalloc((size_t)numbers, sizeof *f.images);
    Rng rng = rng_new(8, RNG_TEST, 0);
    for (int i = 0; i < numbers; i++)
        f.images[i] = (float)rng_normal(&rng);
    for (int i = 0; i < BATCH; i++)
        f.labels[i] = (int32_t)rng_below(&rng, CLASSES);
    return f;
}

static Fixture fixture_new(bool bf16, Autotune *autotune)
{
    return fixture_of(network(), IN, bf16, autotune);
}

static void fixture_free(Fixture *f)
{
    net_free(f->net);
    autotune_free(f->autotune);
    params_free(f->params);
    graph_free(f->graph);
    free(f->images);
}

static Metrics run(Fixture *f, bool train)
{
    Error err = {0};
    Metrics sum = {0};
    const NetBatch batch = {.images = f->images, .labels = f->labels, .count = BATCH};
    CHECK_OK((train ? net_train_batch : net_evaluate_batch)(f->net, &batch, &sum, &err), err);
    return sum;
}

/* The length of the difference of a parameter's gradients, as a share of the length of `want`. */
static double difference(const Fixture *got, const Fixture *want, const Param *p)
{
    double length = 0, apart = 0;
    for (size_t k = p->offset; k < p->offset + p->count; k++) {
        const double x = (double)want->params->grads[k], y = (double)got->params->grads[k];
        length += x * x;
        apart += (x - y) * (x - y);
    }
    assert_true(length > 0);
    return sqrt(apart / length);
}

static void check_same(const Fixture *got, const Fixture *want, double tolerance)
{
    for (int i = 0; i < got->params->param_count; i++) {
        const Param *p = &got->params->params[i];
        if (!(difference(got, want, p) <= tolerance))
            fail_msg("%s: gradients differ by %g of their length", p->name,
                     difference(got, want, p));
    }
}

/* The kernels of the layers with windows of 3 x 3, 5 x 5 and 1 x 1. */
typedef struct {
    const char *three, *five, *one;
} Kernels;

/* Use these kernels for parts of `batch` examples. */
static void fix_kernels(Autotune *a, bool bf16, int batch, Kernels k)
{
    const struct {
        int window, in, out;
        const char *kernel;
    } LAYERS[] = {{3, 16, 32, k.three}, {5, 32, 48, k.five}, {1, 48, 32, k.one}};
    for (ConvDirection d = 0; d < CONV_DIRECTIONS; d++) {
        for (size_t i = 0; i < COUNT(LAYERS); i++) {
            const int window = LAYERS[i].window;
            char key[CONV_PROBLEM_KEY];
            conv_problem_key(&(ConvProblem){.direction = d,
                                            .batch = batch,
                                            .in = LAYERS[i].in,
                                            .height = SIDE,
                                            .width = SIDE,
                                            .out = LAYERS[i].out,
                                            .dst_height = SIDE,
                                            .dst_width = SIDE,
                                            .kernel_h = window,
                                            .kernel_w = window,
                                            .stride_h = 1,
                                            .stride_w = 1,
                                            .pad_h = window / 2,
                                            .pad_w = window / 2,
                                            .relu = d == CONV_FORWARD,
                                            // "b" and "c" mask for who is before them.
                                            .relu_mask = d == CONV_BACKWARD_DATA && i > 0,
                                            .src_bf16 = bf16,
                                            .dst_bf16 = bf16,
                                            .threads = omp_get_max_threads(),
                                            .runs_per_load = BATCH / MICRO},
                             key);
            autotune_fix(a, key, LAYERS[i].kernel);
        }
    }
}

/* For whole micro-batches, and for the rest of a batch. */
static Autotune *fixed(bool bf16, Kernels whole, Kernels rest)
{
    Autotune *a = autotune_new();
    fix_kernels(a, bf16, MICRO, whole);
    fix_kernels(a, bf16, BATCH % MICRO, rest);
    return a;
}

/* Every layer runs what it was told to. */
static void check_names(const Fixture *f, Kernels k)
{
    const char *names[3];
    net_name_kernels(f->net, graph_find(net_graph(f->net), "a"), names);
    assert_string_equal(names[0], k.three);
    assert_string_equal(names[2], k.three);
    net_name_kernels(f->net, graph_find(net_graph(f->net), "b"), names);
    for (int d = 0; d < 3; d++)
        assert_string_equal(names[d], k.five);
    net_name_kernels(f->net, graph_find(net_graph(f->net), "c"), names);
    for (int d = 0; d < 3; d++)
        assert_string_equal(names[d], k.one);
}

static void compare(Kernels whole, Kernels rest)
{
    Fixture want = fixture_new(false, NULL), got = fixture_new(false, fixed(false, whole, rest));
    for (int step = 0; step < 2; step++) {  // the second starts from accumulators that were used
        CHECK_NEAR(run(&got, true).loss, run(&want, true).loss, 1e-4);
        check_same(&got, &want, 2e-5);
    }
    check_names(&got, whole);
    CHECK_NEAR(run(&got, false).loss, run(&want, false).loss, 1e-4);
    fixture_free(&want);
    fixture_free(&got);
}

static void float32_kernels_give_the_librarys_gradients(void **state)
{
    (void)state;
    if (!gemm_kernel(false))
        skip();
    const Kernels a = {"winograd F(3,3)", "winograd F(2,5)", "gemm"};
    const Kernels b = {"winograd F(4,3)", "winograd F(2,5)", "gemm"};
    compare(a, a);
    compare(b, b);
}

/* The gradients of a batch are one sum, whichever kernels its parts ran on: kernels that share an
 * accumulator, that have different ones, and oneDNN's, which has none. */
static void parts_of_a_batch_may_run_on_different_kernels(void **state)
{
    (void)state;
    if (!gemm_kernel(false))
        skip();
    const Kernels ours = {"winograd F(3,3)", "winograd F(2,5)", "gemm"};
    const Kernels others = {"winograd F(4,3)", "oneDNN", "oneDNN"};
    const Kernels library = {"oneDNN", "oneDNN", "oneDNN"};
    compare(ours, others);
    compare(others, ours);
    compare(library, ours);
    compare(ours, library);
}

/* Rounding to bfloat16 moves gradients by some percent of their length already in the library. On
 * noise, in a network of nothing but large layers, ours may move them by two and a half times as
 * much; on images they hardly differ: see tests/bench/NOTES.md. */
static void check_bfloat16(Kernels k)
{
    Fixture exact = fixture_new(false, NULL), library = fixture_new(true, NULL);
    Fixture ours = fixture_new(true, fixed(true, k, k));
    const double loss = run(&exact, true).loss;
    CHECK_NEAR(run(&library, true).loss, loss, 0.02 * loss);
    CHECK_NEAR(run(&ours, true).loss, loss, 0.02 * loss);
    for (int i = 0; i < ours.params->param_count; i++) {
        const Param *p = &ours.params->params[i];
        const double normal = difference(&library, &exact, p), error = difference(&ours, &exact, p);
        if (!(error <= 2.5 * normal + 0.002))
            fail_msg("%s: wrong by %g of its length, the library by %g", p->name, error, normal);
    }
    check_names(&ours, k);
    fixture_free(&exact);
    fixture_free(&library);
    fixture_free(&ours);
}

static void bfloat16_kernels_err_little_more_than_the_library(void **state)
{
    (void)state;
    if (!net_bf16_is_fast())
        skip();
    check_bfloat16((Kernels){"winograd F(3,3)", "winograd F(2,5)", "gemm"});
    check_bfloat16((Kernels){"winograd F(4,3)", "winograd F(2,5)", "gemm"});
    if (gemm_tiles()) {
        check_bfloat16((Kernels){"winograd F(3,3) amx", "winograd F(2,5) amx", "gemm amx"});
        check_bfloat16((Kernels){"winograd F(4,3) amx", "winograd F(2,5) amx", "gemm amx"});
    }
}

/* A net that is given the record of another computes the same bits. */
static void a_record_repeats_the_kernels(void **state)
{
    (void)state;
    if (!gemm_kernel(false))
        skip();
    Autotune *c = autotune_new();
    Fixture want = fixture_new(false, NULL), first = fixture_new(false, c);
    run(&want, true);
    run(&first, true);
    check_same(&first, &want, 2e-5);
    // Two sizes of part; a reads the input, whose gradient is not needed.
    assert_int_equal(autotune_count(c), 2 * (3 * 3 - 1));
    char *text = autotune_record(c);
    Autotune *again = autotune_new();
    Error err = {0};
    CHECK_OK(autotune_use_record(again, text, &err), err);
    assert_false(autotune_bits_may_differ(again));
    Fixture second = fixture_new(false, again);
    run(&second, true);
    assert_memory_equal(second.params->grads, first.params->grads,
                        first.params->count * sizeof(float));
    assert_int_equal(autotune_count(again), autotune_count(c));
    free(text);
    fixture_free(&want);
    fixture_free(&first);
    fixture_free(&second);
}

/* ---- NaN ---- */

/* All weights of the first layer NaN, as a bad step leaves them: the loss must say so, whichever
 * kernels compute what follows. */
static void check_nan_arrives(bool bf16, Kernels k, uint32_t bits)
{
    Fixture f = fixture_new(bf16, fixed(bf16, k, k));
    const Param *p = params_find(f.params, "a.weight");
    for (size_t i = 0; i < p->count; i++)
        memcpy(&f.params->values[p->offset + i], &bits, sizeof bits);
    net_params_changed(f.net);
    if (!isnan(run(&f, true).loss))
        fail_msg("%s, %s, %s: NaN was lost", k.three, k.five, k.one);
    assert_true(isnan(run(&f, false).loss));
    fixture_free(&f);
}

static void a_nan_reaches_the_loss(void **state)
{
    (void)state;
    static const Kernels KERNELS[] = {{"oneDNN", "oneDNN", "oneDNN"},
                                      {"winograd F(3,3)", "winograd F(2,5)", "gemm"},
                                      {"winograd F(4,3)", "winograd F(2,5)", "gemm"}};
    for (size_t i = 0; i < 4 * COUNT(KERNELS); i++) {
        const bool bf16 = i % 2;
        const Kernels k = KERNELS[i / 4];
        if (strcmp(k.one, "oneDNN") == 0 ? bf16 && !net_bf16_is_fast() : !gemm_kernel(bf16))
            continue;
        check_nan_arrives(bf16, k, i / 2 % 2 ? 0xffc00000 : 0x7fc00000);
    }
}

/* ---- Equal problems ---- */

enum { PAIRS = 6, WIDTH = 32 };

/* Twelve convolutions, 1 x 1 and 3 x 3 in turn, whose problems are the same two throughout. */
static Graph *alternating(void)
{
    Graph *g = graph_new((Shape){WIDTH, SIDE, SIDE});
    Node x = graph_input(g);
    for (int i = 0; i < PAIRS; i++) {
        char one[32], three[32];
        snprintf(one, sizeof one, "one%d", i);
        snprintf(three, sizeof three, "three%d", i);
        x = conv(g, x, one, (Conv){.out = WIDTH, .kernel = 1, .relu = true});
        x = conv(g, x, three, (Conv){.out = WIDTH, .kernel = 3, .pad = 1, .relu = true});
    }
    x = global_avg_pool(g, x, "pool");
    linear(g, x, "classes", (Linear){.out = CLASSES});
    return g;
}

static void check_equal_kernels(const Net *net, const char *kind)
{
    const char *first[3], *names[3];
    char name[32];
    snprintf(name, sizeof name, "%s1", kind);
    net_name_kernels(net, graph_find(net_graph(net), name), first);
    for (int i = 0; i < PAIRS; i++) {
        snprintf(name, sizeof name, "%s%d", kind, i);
        net_name_kernels(net, graph_find(net_graph(net), name), names);
        for (int d = 0; d < 3; d++) {
            if (names[d])  // the first layer has no backward data
                assert_string_equal(names[d], first[d]);
        }
    }
}

static void equal_problems_get_equal_kernels(void **state)
{
    (void)state;
    Fixture f = fixture_of(alternating(), WIDTH, false, autotune_new());
    run(&f, true);
    run(&f, false);
    check_equal_kernels(f.net, "one");
    check_equal_kernels(f.net, "three");
    // Two problems, three directions, two sizes of part.
    assert_int_equal(autotune_count(f.autotune), 2 * 3 * 2);
    char *record = autotune_record(f.autotune);
    Autotune *again = autotune_new();
    Error err = {0};
    CHECK_OK(autotune_use_record(again, record, &err), err);
    Fixture repeat = fixture_of(alternating(), WIDTH, false, again);
    run(&repeat, true);
    assert_memory_equal(repeat.params->grads, f.params->grads, f.params->count * sizeof(float));
    free(record);
    fixture_free(&repeat);
    fixture_free(&f);
}

static void preparing_changes_nothing_and_leaves_nothing_to_measure(void **state)
{
    (void)state;
    Fixture f = fixture_new(false, autotune_new());
    Error err = {0};
    float *values = xcalloc(f.params->count, sizeof *values);
    memcpy(values, f.params->values, f.params->count * sizeof *values);
    for (size_t i = 0; i < f.params->count; i++)
        f.params->grads[i] = 3;
    CHECK_OK(net_prepare(f.net, BATCH, BATCH - 2, &err), err);
    assert_memory_equal(f.params->values, values, f.params->count * sizeof *values);
    for (size_t i = 0; i < f.params->count; i++)
        assert_true(f.params->grads[i] == 3);
    char *before = autotune_record(f.autotune);
    run(&f, true);
    run(&f, false);
    char *after = autotune_record(f.autotune);
    assert_string_equal(after, before);
    free(before);
    free(after);
    free(values);
    fixture_free(&f);
}

/* What an example gives does not depend on what is computed beside it: bit for bit, by kernels that
 * were chosen for one size, whatever the size is. */
static void check_apart(bool bf16, Kernels kernels)
{
    Autotune *a = autotune_new();
    fix_kernels(a, bf16, MICRO, kernels);
    const int known = autotune_count(a);
    Fixture f = fixture_new(bf16, a);
    Error err = {0};
    net_free(f.net);
    const NetConfig how = {.batch_size = BATCH,
                           .micro_batch = MICRO,
                           .bf16 = bf16,
                           .autotune = a,
                           .kernels_of = MICRO};
    CHECK_OK(net_new(f.graph, f.params, how, &f.net, &err), err);
    float together[BATCH][CLASSES], alone[CLASSES], pair[2][CLASSES];
    CHECK_OK(net_forward(f.net, f.images, BATCH, together[0], &err), err);
    for (int i = 0; i < BATCH; i++) {
        const float *image = f.images + (size_t)i * IN * SIDE * SIDE;
        CHECK_OK(net_forward(f.net, image, 1, alone, &err), err);
        assert_memory_equal(alone, together[i], sizeof alone);
        if (i + 1 == BATCH)
            continue;
        CHECK_OK(net_forward(f.net, image, 2, pair[0], &err), err);
        assert_memory_equal(pair, together[i], sizeof pair);
    }
    assert_int_equal(autotune_count(a), known);  // nothing was measured for other sizes
    fixture_free(&f);
}

static void an_example_gives_the_same_bits_alone_and_among_others(void **state)
{
    (void)state;
    const Kernels library = {"oneDNN", "oneDNN", "oneDNN"};
    const Kernels own[] = {{"winograd F(3,3)", "winograd F(2,5)", "gemm"},
                           {"winograd F(4,3)", "im2col", "oneDNN"},
                           {"im2col", "oneDNN", "gemm"}};
    for (int bf16 = 0; bf16 <= net_bf16_is_fast(); bf16++) {
        check_apart(bf16, library);
        for (size_t i = 0; i < COUNT(own) && gemm_kernel(bf16); i++)
            check_apart(bf16, own[i]);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_example_gives_the_same_bits_alone_and_among_others),
        cmocka_unit_test(float32_kernels_give_the_librarys_gradients),
        cmocka_unit_test(parts_of_a_batch_may_run_on_different_kernels),
        cmocka_unit_test(bfloat16_kernels_err_little_more_than_the_library),
        cmocka_unit_test(a_record_repeats_the_kernels),
        cmocka_unit_test(a_nan_reaches_the_loss),
        cmocka_unit_test(equal_problems_get_equal_kernels),
        cmocka_unit_test(preparing_changes_nothing_and_leaves_nothing_to_measure),
    };
    return RUN_TESTS(tests);
}
