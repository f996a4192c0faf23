/* tests/core/train/trainer/test_trainer_norm.c -- trainings with batch normalisation: which batches
 * they run, and that a resume continues the running statistics. */
#include "core/layers/batch_norm.h"
#include "core/layers/conv/conv.h"
#include "core/layers/global_avg_pool.h"
#include "core/layers/linear.h"
#include "core/layers/relu.h"
#include "core/models/models.h"
#include "core/net/net.h"
#include "tests/check.h"
#include "tests/core/train/trainer/trainer_fixture.h"

static Node normed(Graph *g, Node x, ModelOptions options)
{
    x = conv(g, x, "a", (Conv){.out = 16, .kernel = 3, .stride = 2, .pad = 1, .no_bias = true});
    x = relu(g, batch_norm(g, x, "an", (BatchNorm){.eps = 1e-3}), "ar");
    x = conv(g, x, "b", (Conv){.out = 24, .kernel = 3, .stride = 2, .pad = 1, .no_bias = true});
    x = relu(g, batch_norm(g, x, "bn", (BatchNorm){.eps = 1e-3}), "br");
    x = global_avg_pool(g, x, "end");
    return linear(g, x, "out", (Linear){.out = options.classes});
}

static const char *const STAGES[] = {"ar", "br", "out", NULL};
static const Model NORMED = {.name = "normed", .build = normed, .image_size = 28, .stages = STAGES};

/* Epochs of 3 batches of 16; an example is left. */
static TrainConfig training(const TrainerFixture *f)
{
    TrainConfig c = small_training(f);
    c.model = &NORMED;
    c.train_limit = 49;
    return c;
}

static void a_last_batch_of_one_is_left_out(void **state)
{
    TrainConfig c = training(*state);
    for (int extra = 0; extra <= 1; extra++) {
        Error err = {0};
        Seen seen = {0};
        c.train_limit = 49 + extra;
        Trainer *t = trainer_of(c);
        assert_int_equal(trainer_epoch_steps(t), 3 + extra);
        assert_int_equal(trainer_total_steps(t), 2 * (3 + extra));
        CHECK_OK(trainer_run(t, watch, &seen, &err), err);
        assert_int_equal(seen.epochs, 2);
        assert_int_equal(seen.last_step, 2 * (3 + extra));
        assert_int_equal(trainer_state(t)->last_sum.count, 48 + 2 * extra);
        for (size_t i = 0; i < trainer_params(t)->counter_count; i++)
            assert_int_equal(trainer_params(t)->counters[i], 2 * (3 + extra));
        trainer_free(t);
    }
}

static void a_resume_continues_the_running_statistics(void **state)
{
    const TrainerFixture *f = *state;
    for (int bf16 = 0; bf16 <= net_bf16_is_fast(); bf16++) {
        TrainConfig c = training(f);
        c.precision = bf16 ? PRECISION_BF16 : PRECISION_F32;
        c.checkpoint_path = f->checkpoint;
        size_t count, again;
        Seen whole = {0}, first = {.stop_at_step = 4}, second = {0};
        float *want = values_after(c, &whole, &count);
        run_until_stopped(c, &first);
        float *got = values_after(resumed(c, f), &second, &again);
        assert_int_equal(count, again);
        assert_memory_equal(got, want, count * sizeof *got);
        assert_true(second.last_epoch.test_loss == whole.last_epoch.test_loss);
        // The statistics have moved.
        Trainer *t = trainer_of(c);
        const Param *mean = params_find(trainer_params(t), "an.running_mean");
        assert_true(fabsf(want[mean->offset]) > 1e-4);
        trainer_free(t);
        free(got);
        free(want);
    }
}

/* A step of three batches that is given up after some of them: the statistics that these have moved
 * are as they were, and the resume runs all three. */
static void a_step_that_is_given_up_leaves_the_statistics(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = training(f);
    c.accumulation = 3;
    c.clip_norm = 1;
    c.ema.decay = 0.9;
    c.checkpoint_path = f->checkpoint;
    Seen whole = {0};
    size_t count, again;
    float *want = values_after(c, &whole, &count);
    assert_int_equal(whole.last_step, 2);
    // Two chances to stop in each step, three in each evaluation.
    for (int part = 1; part <= 7; part++) {
        Seen first = {.stop_at_part = part}, second = {0};
        run_until_stopped(c, &first);
        float *got = values_after(resumed(c, f), &second, &again);
        assert_int_equal(count, again);
        assert_memory_equal(got, want, count * sizeof *got);
        assert_true(second.last_epoch.test_loss == whole.last_epoch.test_loss);
        free(got);
    }
    free(want);
}

static void a_batch_of_one_is_refused(void **state)
{
    Error err;
    Trainer *t = NULL;
    TrainConfig c = training(*state);
    c.batch_size = 1;
    CHECK_REFUSED(trainer_new(&c, &t, &err), err, ERR_INVALID,
                  "normed normalises by the batch, which needs 2 examples or more, got 1");
    c.batch_size = 16;
    c.train_limit = 1;
    CHECK_REFUSED(trainer_new(&c, &t, &err), err, ERR_INVALID,
                  "normed normalises by the batch, which needs 2 examples or more, got 1");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_last_batch_of_one_is_left_out),
        cmocka_unit_test(a_resume_continues_the_running_statistics),
        cmocka_unit_test(a_step_that_is_given_up_leaves_the_statistics),
        cmocka_unit_test(a_batch_of_one_is_refused),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, trainer_setup, trainer_teardown);
}
