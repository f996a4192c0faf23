/* tests/core/train/trainer/test_trainer.c -- trains the tiny model on real images: it learns,
 * stops, and goes on. */
#include "tests/core/train/trainer/trainer_fixture.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/check.h"

static void events_come_as_promised(void **state)
{
    Seen seen = {0};
    size_t count;
    TrainConfig c =
        small_training(*state);  // 8 batches an epoch: a point each, and the epoch's end
    free(values_after(c, &seen, &count));
    assert_int_equal(seen.last_step, 16);
    assert_int_equal(seen.points, 16);
    assert_int_equal(seen.epochs, 2);
    assert_int_equal(seen.last_epoch.epoch, 2);
    assert_int_equal(seen.last_epoch.total_steps, 16);
    CHECK_NEAR(seen.last_epoch.epoch_position, 2, 0);
    assert_true(seen.last_epoch.examples_per_second > 0);
    assert_int_equal(seen.checkpoints, 0);
}

static void every_epoch_has_five_points_and_its_end(void **state)
{
    Seen seen = {0};
    size_t count;
    TrainConfig c = small_training(*state);
    c.epochs = 1;
    c.train_limit = 23 * 16;  // points at 4, 8, 12, 16, 20 and 23
    free(values_after(c, &seen, &count));
    assert_int_equal(seen.points, 6);
}

static void a_stop_at_any_step_changes_no_bit(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = small_training(f);
    Seen whole = {0};
    size_t count, again;
    float *want = values_after(c, &whole, &count);
    c.checkpoint_path = f->checkpoint;
    for (int64_t step = 1; step <= 15; step += 2) {
        Seen first = {.stop_at_step = step}, second = {0};
        run_until_stopped(c, &first);
        assert_int_equal(first.last_step, step);
        float *got = values_after(resumed(c, f), &second, &again);
        assert_int_equal(again, count);
        assert_memory_equal(got, want, count * sizeof *got);
        assert_int_equal(second.resumed, 1);
        assert_string_equal(second.note, "");
        assert_int_equal(first.points + second.points, whole.points);
        assert_int_equal(first.epochs + second.epochs, whole.epochs);
        // The epoch's means are those of an unbroken run, bit by bit.
        assert_true(second.last_epoch.loss == whole.last_epoch.loss);
        assert_true(second.last_epoch.test_loss == whole.last_epoch.test_loss);
        free(got);
    }
    free(want);
}

static void a_stop_during_evaluation_repeats_only_that(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = small_training(f);
    c.threads = 2;
    Seen whole = {0}, first = {.stop_in_test = true}, second = {0};
    size_t count;
    float *want = values_after(c, &whole, &count);
    c.checkpoint_path = f->checkpoint;
    run_until_stopped(c, &first);
    assert_int_equal(first.last_step, 8);
    assert_int_equal(first.epochs, 0);
    float *got = values_after(resumed(c, f), &second, &count);
    assert_int_equal(second.epochs, 2);
    assert_memory_equal(got, want, count * sizeof *got);
    free(got);
    free(want);
}

static void a_stop_within_a_step_or_a_batch_of_tests_changes_no_bit(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = small_training(f);
    // Each epoch: a step in four parts, one in one, and an evaluation in two.
    c.batch_size = 100;
    Seen whole = {0};
    size_t count;
    float *want = values_after(c, &whole, &count);
    assert_int_equal(whole.parts, 2 * (3 + 0 + 1));
    c.checkpoint_path = f->checkpoint;
    for (int part = 1; part <= whole.parts; part++) {
        Seen first = {.stop_at_part = part}, second = {0};
        run_until_stopped(c, &first);
        assert_int_equal(first.parts, part);
        assert_int_equal(first.last_step, (part - 1) / 4 * 2 + (part % 4 == 0 ? 2 : 0));
        float *got = values_after(resumed(c, f), &second, &count);
        assert_memory_equal(got, want, count * sizeof *got);
        assert_int_equal(first.points + second.points, whole.points);
        assert_int_equal(first.epochs + second.epochs, whole.epochs);
        assert_true(second.last_epoch.loss == whole.last_epoch.loss);
        assert_true(second.last_epoch.test_loss == whole.last_epoch.test_loss);
        free(got);
    }
    free(want);
}

static void a_checkpoint_on_request_is_written_and_training_goes_on(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = small_training(f);
    c.checkpoint_path = f->checkpoint;
    Seen seen = {.stop_at_step = 3, .checkpoint_at_step = true};
    size_t count;
    free(values_after(c, &seen, &count));
    assert_int_equal(seen.checkpoints, 2);  // that one and the last
    assert_int_equal(seen.last_step, 16);
}

/* Answers a checkpoint that failed; at the `mend_at`-th failure the folder comes into being. */
typedef struct {
    Seen seen;
    const char *folder;
    int failures, mend_at, give_up_at;
} Disk;

static TrainAnswer mend(void *context, const TrainEvent *e)
{
    Disk *d = context;
    if (e->type != TRAIN_CHECKPOINT_FAILED)
        return watch(&d->seen, e);
    assert_non_null(strstr(e->error->message, d->folder));
    d->failures++;
    if (d->failures == d->mend_at)
        assert_int_equal(mkdir(d->folder, 0755), 0);
    return d->failures == d->give_up_at ? TRAIN_GO_ON : TRAIN_CHECKPOINT_NOW;
}

static void a_checkpoint_that_fails_is_tried_as_often_as_asked(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = small_training(f);
    Seen whole = {0};
    size_t count;
    Error err = {0};
    float *want = values_after(c, &whole, &count);
    char folder[96], path[128];
    snprintf(folder, sizeof folder, "%s/later", f->folder);
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
    c.checkpoint_path = path;
    c.checkpoint_every_epochs = 1;

    Trainer *t = trainer_of(c);
    Disk given_up = {.folder = folder, .give_up_at = 3};
    assert_false(trainer_run(t, mend, &given_up, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_int_equal(given_up.failures, 3);
    assert_int_equal(given_up.seen.last_step, 8);
    trainer_free(t);

    t = trainer_of(c);
    Disk mended = {.folder = folder, .mend_at = 2};
    CHECK_OK(trainer_run(t, mend, &mended, &err), err);
    assert_int_equal(mended.failures, 2);
    assert_int_equal(mended.seen.checkpoints, 2);
    assert_memory_equal(trainer_params(t)->values, want, count * sizeof *want);
    trainer_free(t);
    free(want);
    unlink(path);
    rmdir(folder);
}

static void a_resume_elsewhere_says_that_bits_may_differ(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = small_training(f);
    c.checkpoint_path = f->checkpoint;
    Seen first = {.stop_at_step = 3}, second = {0};
    run_until_stopped(c, &first);
    c.threads = 2;
    size_t count;
    free(values_after(resumed(c, f), &second, &count));
    assert_string_equal(second.note, "since the checkpoint was written, threads changed from 1 to "
                                     "2: results may differ in the last bits");
}

static void a_checkpoint_of_other_settings_is_refused(void **state)
{
    const TrainerFixture *f = *state;
    TrainConfig c = small_training(f);
    c.checkpoint_path = f->checkpoint;
    Seen seen = {.stop_at_step = 12};
    run_until_stopped(c, &seen);
    c = resumed(c, f);
    Trainer *t = NULL;
    Error err = {0};
    TrainConfig other = c;
    other.seed = 12;
    assert_false(trainer_new(&other, &t, &err));
    assert_non_null(strstr(err.message, "is of a training with seed 11, not 12"));
    other = c;
    other.batch_size = 8;
    assert_false(trainer_new(&other, &t, &err));
    assert_non_null(strstr(err.message, "batch size, accumulation or examples differ"));
    other = c;
    other.accumulation = 3;
    assert_false(trainer_new(&other, &t, &err));
    assert_non_null(strstr(err.message, "batch size, accumulation or examples differ"));
    other = c;
    other.optimizer = (Optimizer){OPTIMIZER_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    assert_false(trainer_new(&other, &t, &err));
    assert_non_null(strstr(err.message, " has no first_moment of the weights, which the settings"));
    other = c;
    other.ema.decay = 0.9;
    assert_false(trainer_new(&other, &t, &err));
    assert_non_null(strstr(err.message, " has no average of the weights, which the settings need"));
}

static void a_loss_that_explodes_ends_the_training(void **state)
{
    const TrainerFixture *f = *state;
    Error err = {0};
    TrainConfig c = small_training(f);
    c.learning_rate = 1e18;
    c.checkpoint_path = f->checkpoint;
    unlink(f->checkpoint);
    Trainer *t = trainer_of(c);
    Seen seen = {0};
    assert_false(trainer_run(t, watch, &seen, &err));
    assert_int_equal(err.code, ERR_NUMERIC);
    assert_non_null(strstr(err.message, "a smaller learning_rate or a clip_norm may help"));
    assert_int_equal(access(f->checkpoint, F_OK), -1);
    trainer_free(t);
}

static void bad_settings_are_refused(void **state)
{
    static const char *const WANT[] = {
        "epochs must be 1 or more, got 0", "batch_size must be 1 or more, got -3",
        "learning_rate must be above 0, got 0", "nesterov needs a momentum above 0"};
    TrainConfig c[4];
    for (int i = 0; i < 4; i++)
        c[i] = small_training(*state);
    c[0].epochs = 0;
    c[1].batch_size = -3;
    c[2].learning_rate = 0;
    c[3].optimizer = (Optimizer){.nesterov = true};
    for (int i = 0; i < 4; i++) {
        Error err;
        Trainer *t;
        CHECK_REFUSED(trainer_new(&c[i], &t, &err), err, ERR_INVALID, WANT[i]);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_as_promised),
        cmocka_unit_test(every_epoch_has_five_points_and_its_end),
        cmocka_unit_test(a_stop_at_any_step_changes_no_bit),
        cmocka_unit_test(a_stop_during_evaluation_repeats_only_that),
        cmocka_unit_test(a_stop_within_a_step_or_a_batch_of_tests_changes_no_bit),
        cmocka_unit_test(a_checkpoint_on_request_is_written_and_training_goes_on),
        cmocka_unit_test(a_checkpoint_that_fails_is_tried_as_often_as_asked),
        cmocka_unit_test(a_resume_elsewhere_says_that_bits_may_differ),
        cmocka_unit_test(a_checkpoint_of_other_settings_is_refused),
        cmocka_unit_test(a_loss_that_explodes_ends_the_training),
        cmocka_unit_test(bad_settings_are_refused),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, trainer_setup, trainer_teardown);
}
