/* tests/core/train/optim/test_batch_group.c -- gradients of several batches against a naive sum. */
#include "core/train/optim/batch_group.h"

#include <omp.h>

#include "tests/check.h"

enum { TRAINED = 300000, STATISTICS = 5, COUNTERS = 2 };  // more chunks than sums

static ParamStore *store_new(void)
{
    ParamStore *s = xcalloc(1, sizeof *s);
    *s = (ParamStore){.trained_count = TRAINED,
                      .count = TRAINED + STATISTICS,
                      .counter_count = COUNTERS,
                      .values = xcalloc(TRAINED + STATISTICS, sizeof(float)),
                      .grads = xcalloc(TRAINED, sizeof(float)),
                      .counters = xcalloc(COUNTERS, sizeof(int64_t))};
    return s;
}

static float grad_of(int batch, size_t i)
{
    return (float)sin((double)i + 1000.0 * batch) / 8;
}

/* A batch whose gradients come in ranges from the end, as a backward pass has them. */
static void run_batch(BatchGroup *g, ParamStore *s, int batch, int examples)
{
    static const size_t ENDS[] = {TRAINED, 250001, 250000, 4096, 7, 0};
    batch_group_next(g, examples);
    for (size_t i = 0; i < TRAINED; i++)
        s->grads[i] = grad_of(batch, i);
    for (size_t r = 1; r < COUNT(ENDS); r++)
        batch_group_ready(g, ENDS[r], ENDS[r - 1] - ENDS[r]);
}

static const struct {
    int batches;
    int examples[4];
} GROUPS[] = {{1, {16}}, {2, {16, 16}}, {3, {16, 16, 16}}, {4, {16, 16, 16, 3}}};

static void gradients_are_those_of_the_mean_over_all_examples(void **state)
{
    (void)state;
    Error err = {0};
    for (size_t c = 0; c < COUNT(GROUPS); c++) {
        ParamStore *s = store_new();
        BatchGroup *g = NULL;
        CHECK_OK(batch_group_new(s, GROUPS[c].batches, true, &g, &err), err);
        for (int again = 0; again < 2; again++) {  // nothing is left of the group before
            int all = 0;
            for (int b = 0; b < GROUPS[c].batches; b++)
                all += GROUPS[c].examples[b];
            batch_group_begin(g, all);
            for (int b = 0; b < GROUPS[c].batches; b++)
                run_batch(g, s, b, GROUPS[c].examples[b]);
            double squares = 0;
            for (size_t i = 0; i < TRAINED; i++) {
                double want = 0;
                for (int b = 0; b < GROUPS[c].batches; b++)
                    want += (double)grad_of(b, i) * GROUPS[c].examples[b] / all;
                CHECK_NEAR(s->grads[i], want, 2e-8);
                squares += (double)s->grads[i] * (double)s->grads[i];
            }
            CHECK_NEAR(batch_group_norm(g), sqrt(squares), 1e-9);
        }
        batch_group_free(g);
        params_free(s);
    }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    Error err = {0};
    double norms[3];
    for (int t = 0; t < 3; t++) {
        omp_set_num_threads(1 + t);
        ParamStore *s = store_new();
        BatchGroup *g = NULL;
        CHECK_OK(batch_group_new(s, 2, true, &g, &err), err);
        batch_group_begin(g, 7);
        run_batch(g, s, 0, 4);
        run_batch(g, s, 1, 3);
        norms[t] = batch_group_norm(g);
        batch_group_free(g);
        params_free(s);
    }
    assert_true(norms[0] == norms[1] && norms[0] == norms[2]);
}

static void what_is_no_number_is_in_the_norm(void **state)
{
    (void)state;
    static const float BAD[] = {NAN, -NAN, INFINITY, -INFINITY};
    Error err = {0};
    for (size_t b = 0; b < COUNT(BAD); b++) {
        ParamStore *s = store_new();
        BatchGroup *g = NULL;
        CHECK_OK(batch_group_new(s, 1, true, &g, &err), err);
        batch_group_begin(g, 1);
        batch_group_next(g, 1);
        s->grads[TRAINED - 1] = BAD[b];
        batch_group_ready(g, 0, TRAINED);
        assert_true(!isfinite(batch_group_norm(g)));
        batch_group_free(g);
        params_free(s);
    }
}

static void a_group_that_is_given_up_leaves_no_trace(void **state)
{
    (void)state;
    Error err = {0};
    ParamStore *s = store_new();
    BatchGroup *g = NULL;
    CHECK_OK(batch_group_new(s, 2, false, &g, &err), err);
    for (int i = 0; i < STATISTICS; i++)
        s->values[TRAINED + i] = (float)i;
    s->counters[1] = 41;
    s->values[0] = 1;
    batch_group_begin(g, 8);
    run_batch(g, s, 0, 4);
    s->counters[1]++;
    s->values[TRAINED + 4] = 99;
    batch_group_give_up(g);
    for (int i = 0; i < STATISTICS; i++)
        assert_true(s->values[TRAINED + i] == (float)i);
    assert_true(s->values[0] == 1);
    assert_int_equal(s->counters[1], 41);
    batch_group_free(g);
    params_free(s);
}

/* torch.nn.utils.clip_grad_norm_ of {3, 4, 12}, PyTorch 2.6. */
static void clipping_equals_pytorchs(void **state)
{
    (void)state;
    CHECK_NEAR(12 * clip_scale(1, 13), 0.923076868, 1e-7);
    CHECK_NEAR(12 * clip_scale(13, 13), 11.999999, 1e-6);
    assert_true(clip_scale(13, 13) < 1);
    assert_true(clip_scale(20, 13) == 1);
    assert_true(clip_scale(1, 0) == 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_the_mean_over_all_examples),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(what_is_no_number_is_in_the_norm),
        cmocka_unit_test(a_group_that_is_given_up_leaves_no_trace),
        cmocka_unit_test(clipping_equals_pytorchs),
    };
    return RUN_TESTS(tests);
}
