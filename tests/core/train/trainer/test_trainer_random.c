/* tests/core/train/trainer/test_trainer_random.c -- a training of a network with random layers
 * draws after a stop and a resume what it would have drawn without. */
#include <stdio.h>

#include "core/layers/conv/conv.h"
#include "core/layers/dropout.h"
#include "core/layers/linear.h"
#include "core/layers/max_pool.h"
#include "core/layers/relu.h"
#include "core/net/net.h"
#include "tests/check.h"
#include "tests/core/train/trainer/trainer_fixture.h"

static Node build(Graph *g, Node x, int classes, float rate)
{
    x = relu(g, conv(g, x, "c", (Conv){.out = 16, .kernel = 5, .stride = 2}), "r");
    x = dropout(g, x, "d1", (Dropout){.rate = rate / 2});
    x = max_pool(g, x, "p", (Pool){.kernel = 3, .stride = 2});
    x = relu(g, linear(g, x, "l1", (Linear){.out = 32}), "r1");
    x = dropout(g, x, "d2", (Dropout){.rate = rate});
    return linear(g, x, "l2", (Linear){.out = classes});
}

static Node build_with_dropout(Graph *g, Node x, ModelOptions options)
{
    return build(g, x, options.classes, 0.5F);
}

static Node build_without(Graph *g, Node x, ModelOptions options)
{
    return build(g, x, options.classes, 0);
}

static const Model WITH = {.name = "with_dropout",
                           .build = build_with_dropout,
                           .image_size = 28,
                           .stages = (const char *const[]){NULL}};
static const Model WITHOUT = {.name = "with_dropout",
                              .build = build_without,
                              .image_size = 28,
                              .stages = (const char *const[]){NULL}};

static TrainConfig training(const TrainerFixture *f, Precision precision)
{
    TrainConfig c = small_training(f);
    c.model = &WITH;
    c.precision = precision;
    c.epochs = 3;
    c.batch_size = 48;  // two parts; three batches an epoch, the last of them half as large
    return c;
}

/* Stopped in the middle of the first epoch, at its end, in the last epoch, or within a step, which
 * is then given up and made again. */
static void check_resume(const TrainerFixture *f, Precision precision)
{
    static const Seen STOPS[] = {
        {.stop_at_step = 2}, {.stop_at_step = 3}, {.stop_at_step = 7}, {.stop_at_part = 2}};
    const TrainConfig c = training(f, precision);
    Seen whole = {0};
    size_t count;
    float *want = values_after(c, &whole, &count);
    for (size_t i = 0; i < COUNT(STOPS); i++) {
        TrainConfig first = c;
        first.checkpoint_path = f->checkpoint;
        Seen stopped = STOPS[i], rest = {0};
        run_until_stopped(first, &stopped);
        assert_true(stopped.last_step < whole.end.step);
        size_t resumed_count;
        float *got = values_after(resumed(c, f), &rest, &resumed_count);
        assert_int_equal(rest.resumed, 1);
        assert_int_equal(resumed_count, count);
        assert_memory_equal(got, want, count * sizeof *want);
        assert_true(rest.end.test_loss == whole.end.test_loss && rest.end.loss == whole.end.loss);
        free(got);
    }
    free(want);
}

static void a_resume_draws_the_same_in_float32(void **state)
{
    check_resume(*state, PRECISION_F32);
}

static void a_resume_draws_the_same_in_bfloat16(void **state)
{
    if (!net_bf16_is_fast())
        skip();
    check_resume(*state, PRECISION_BF16);
}

/* Or the tests above compare nothing. */
static void what_is_drawn_matters(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = training(f, PRECISION_F32);
    Seen seen[2] = {0};
    size_t count;
    float *with = values_after(c, &seen[0], &count);
    c.model = &WITHOUT;
    float *without = values_after(c, &seen[1], &count);
    assert_memory_not_equal(with, without, count * sizeof *with);
    free(with);
    free(without);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_resume_draws_the_same_in_float32),
        cmocka_unit_test(a_resume_draws_the_same_in_bfloat16),
        cmocka_unit_test(what_is_drawn_matters),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, trainer_setup, trainer_teardown);
}
