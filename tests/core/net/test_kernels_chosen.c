/* tests/core/net/test_kernels_chosen.c -- a net with each kernel against the library's, chosen by
 * hand and by measurement; a batch whose last part is smaller, and evaluation. */
#include <omp.h>
#include <stdio.h>

#include "core/base/rng.h"
#include "core/kernels/brgemm.h"
#include "core/layers/conv.h"
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
    linear(g, x, "e", (Linear){CLASSES});
    return g;
}

static Fixture fixture_new(bool bf16, Autotune *autotune)
{
    Error err = {0};
    Fixture f = {.graph = network(), .autotune = autotune};
    CHECK_OK(graph_check(f.graph, &err), err);
    CHECK_OK(params_new(f.graph, &f.params, &err), err);
    init_params(f.params, init_xavier_uniform, 5);
    const NetConfig how = {
        .batch_size = BATCH, .micro_batch = MICRO, .bf16 = bf16, .autotune = autotune};
    CHECK_OK(net_new(f.graph, f.params, how, &f.net, &err), err);
    f.images = xcalloc(BATCH * IN * SIDE * SIDE, sizeof *f.images);
    Rng rng = rng_new(8, RNG_TEST, 0);
    for (int i = 0; i < BATCH * IN * SIDE * SIDE; i++)
        f.images[i] = (float)rng_normal(&rng);
    for (int i = 0; i < BATCH; i++)
        f.labels[i] = (int32_t)rng_below(&rng, CLASSES);
    return f;
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
    CHECK_OK((train ? net_train_batch : net_evaluate_batch)(f->net, f->images, f->labels, BATCH,
                                                            &sum, &err),
             err);
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

static Autotune *choose_all(bool bf16, const char *three, const char *five, const char *one)
{
    static const char *const DIRECTIONS[] = {"forward", "backward data", "backward weights"};
    Autotune *c = autotune_new();
    for (size_t d = 0; d < COUNT(DIRECTIONS); d++) {
        const struct {
            const char *shape, *kernel;
        } rows[] = {{"3x3/1+1 16x12x12-32", three},
                    {"5x5/1+2 32x12x12-48", five},
                    {"1x1/1+0 48x12x12-32", one}};
        for (size_t i = 0; i < COUNT(rows); i++) {
            char key[AUTOTUNE_KEY];
            snprintf(key, sizeof key, "%s %s %s, %d threads", DIRECTIONS[d], rows[i].shape,
                     bf16 ? "bf16" : "f32", omp_get_max_threads());
            autotune_fix(c, key, rows[i].kernel);
        }
    }
    return c;
}

/* Every layer runs what it was told to. */
static void check_names(const Fixture *f, const char *three, const char *five, const char *one)
{
    const char *names[3];
    net_name_kernels(f->net, graph_find(net_graph(f->net), "a"), names);
    assert_string_equal(names[0], three);
    assert_string_equal(names[2], three);
    net_name_kernels(f->net, graph_find(net_graph(f->net), "b"), names);
    for (int d = 0; d < 3; d++)
        assert_string_equal(names[d], five);
    net_name_kernels(f->net, graph_find(net_graph(f->net), "c"), names);
    for (int d = 0; d < 3; d++)
        assert_string_equal(names[d], one);
}

static void compare(const char *three)
{
    Fixture want = fixture_new(false, NULL),
            got = fixture_new(false, choose_all(false, three, "F(2,5)", "product"));
    for (int step = 0; step < 2; step++) {  // the second starts from sums that were used before
        CHECK_NEAR(run(&got, true).loss, run(&want, true).loss, 1e-4);
        check_same(&got, &want, 2e-5);
    }
    check_names(&got, three, "F(2,5)", "product");
    CHECK_NEAR(run(&got, false).loss, run(&want, false).loss, 1e-4);
    fixture_free(&want);
    fixture_free(&got);
}

static void float32_kernels_give_the_librarys_gradients(void **state)
{
    (void)state;
    if (!gemm_kernel(false))
        skip();
    compare("F(3,3)");
    compare("F(4,3)");
}

/* Rounding to bfloat16 moves gradients by some percent of their length already in the library. On
 * noise, in a network of nothing but large layers, ours may move them by two and a half times as
 * much; on images they hardly differ: see tests/bench/NOTES.md. */
static void check_bfloat16(const char *three, const char *five, const char *one)
{
    Fixture exact = fixture_new(false, NULL), library = fixture_new(true, NULL);
    Fixture ours = fixture_new(true, choose_all(true, three, five, one));
    const double loss = run(&exact, true).loss;
    CHECK_NEAR(run(&library, true).loss, loss, 0.02 * loss);
    CHECK_NEAR(run(&ours, true).loss, loss, 0.02 * loss);
    for (int i = 0; i < ours.params->param_count; i++) {
        const Param *p = &ours.params->params[i];
        const double usual = difference(&library, &exact, p), error = difference(&ours, &exact, p);
        if (!(error <= 2.5 * usual + 0.002))
            fail_msg("%s: wrong by %g of its length, the library by %g", p->name, error, usual);
    }
    check_names(&ours, three, five, one);
    fixture_free(&exact);
    fixture_free(&library);
    fixture_free(&ours);
}

static void bfloat16_kernels_err_little_more_than_the_library(void **state)
{
    (void)state;
    if (!net_bf16_is_fast())
        skip();
    check_bfloat16("F(3,3)", "F(2,5)", "product");
    check_bfloat16("F(4,3)", "F(2,5)", "product");
    if (brgemm_available()) {
        check_bfloat16("F(3,3) brgemm", "F(2,5) brgemm", "product brgemm");
        check_bfloat16("F(4,3) brgemm", "F(2,5) brgemm", "product brgemm");
    }
}

/* What is measured is written down, and the next net takes it without measuring. */
static void measured_choices_are_kept(void **state)
{
    (void)state;
    if (!gemm_kernel(false))
        skip();
    Autotune *c = autotune_new();
    Fixture want = fixture_new(false, NULL), first = fixture_new(false, c);
    run(&want, true);
    run(&first, true);
    check_same(&first, &want, 2e-5);
    // a reads the input, whose gradient nobody wants.
    assert_int_equal(autotune_count(c), 3 * 3 - 1);
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float32_kernels_give_the_librarys_gradients),
        cmocka_unit_test(bfloat16_kernels_err_little_more_than_the_library),
        cmocka_unit_test(measured_choices_are_kept),
    };
    return RUN_TESTS(tests);
}
