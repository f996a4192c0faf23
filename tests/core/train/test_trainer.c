/* tests/core/train/test_trainer.c -- trains the tiny model on real images: it learns, stops, and
 * goes on. */
#include "core/train/trainer.h"

#include <omp.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/check.h"

typedef struct {
    const Dataset *dataset;
    char folder[64];
    char checkpoint[96];
} Fixture;

static int setup(void **state)
{
    Error err = {0};
    Fixture *f = xcalloc(1, sizeof *f);
    Dataset *dataset = NULL;
    CHECK_OK(dataset_open("fashion_mnist", NULL, &dataset, &err), err);
    f->dataset = dataset;
    snprintf(f->folder, sizeof f->folder, "/tmp/test_trainer.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->checkpoint, sizeof f->checkpoint, "%s/checkpoint.safetensors", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    unlink(f->checkpoint);
    rmdir(f->folder);
    dataset_free((Dataset *)f->dataset);
    free(f);
    return 0;
}

static TrainConfig config(const Fixture *f)
{
    return (TrainConfig){.model = models_find("googlenet_tiny"),
                         .library_only = true,
                         .dataset = f->dataset,
                         .image_size = 28,
                         .epochs = 2,
                         .batch_size = 16,
                         .train_limit = 120,
                         .test_limit = 50,
                         .learning_rate = 0.05,
                         .sgd = {.momentum = 0.9},
                         .seed = 11,
                         .threads = 2};
}

/* What a hook has seen, and when it is to stop. */
typedef struct {
    int64_t stop_at_step;
    bool stop_in_test;
    int stop_at_part;
    bool checkpoint_at_step;
    int parts, points, epochs, checkpoints, resumed;
    int64_t last_step;
    TrainEvent last_epoch;
    char note[256];
    char kernels[16384];  // the record
    char kernels_note[640];
    int kernels_events;
} Seen;

static TrainAnswer watch(void *context, const TrainEvent *e)
{
    Seen *seen = context;
    assert_true(e->step >= seen->last_step);
    seen->last_step = e->step;
    seen->points += e->type == TRAIN_POINT;
    seen->checkpoints += e->type == TRAIN_CHECKPOINT;
    seen->resumed += e->type == TRAIN_RESUMED;
    if (e->type == TRAIN_RESUMED && e->note)
        snprintf(seen->note, sizeof seen->note, "%s", e->note);
    if (e->type == TRAIN_KERNELS) {
        seen->kernels_events++;
        snprintf(seen->kernels, sizeof seen->kernels, "%s", e->kernels ? e->kernels : "");
        snprintf(seen->kernels_note, sizeof seen->kernels_note, "%s", e->note ? e->note : "");
    }
    if (e->type == TRAIN_EPOCH) {
        seen->epochs++;
        seen->last_epoch = *e;
    }
    if (e->type == TRAIN_PART) {
        seen->parts++;
        if (seen->stop_in_test || seen->parts == seen->stop_at_part)
            return TRAIN_STOP;
    }
    if ((e->type == TRAIN_STEP || e->type == TRAIN_POINT) && e->step == seen->stop_at_step)
        return seen->checkpoint_at_step ? TRAIN_CHECKPOINT_NOW : TRAIN_STOP;
    return TRAIN_GO_ON;
}

static Trainer *trainer_of(TrainConfig c)
{
    Error err = {0};
    Trainer *t = NULL;
    CHECK_OK(trainer_new(&c, &t, &err), err);
    return t;
}

static float *values_after(TrainConfig c, Seen *seen, size_t *count)
{
    Error err = {0};
    Trainer *t = trainer_of(c);
    CHECK_OK(trainer_run(t, watch, seen, &err), err);
    *count = trainer_params(t)->count;
    float *copy = xcalloc(*count, sizeof *copy);
    memcpy(copy, trainer_params(t)->values, *count * sizeof *copy);
    trainer_free(t);
    return copy;
}

static void run_until_stopped(TrainConfig c, Seen *seen)
{
    Error err = {0};
    Trainer *t = trainer_of(c);
    assert_false(trainer_run(t, watch, seen, &err));
    assert_int_equal(err.code, ERR_STOPPED);
    trainer_free(t);
}

static void events_come_as_promised(void **state)
{
    Seen seen = {0};
    size_t count;
    TrainConfig c = config(*state);  // 8 batches an epoch: a point each, and the epoch's end
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
    TrainConfig c = config(*state);
    c.epochs = 1;
    c.train_limit = 23 * 16;  // points at 4, 8, 12, 16, 20 and 23
    free(values_after(c, &seen, &count));
    assert_int_equal(seen.points, 6);
}

static void a_stop_at_any_step_changes_no_bit(void **state)
{
    const Fixture *f = *state;
    TrainConfig c = config(f);
    Seen whole = {0};
    size_t count, again;
    float *want = values_after(c, &whole, &count);
    c.checkpoint_path = f->checkpoint;
    for (int64_t step = 1; step <= 15; step += 2) {
        Seen first = {.stop_at_step = step}, second = {0};
        c.resume = false;
        run_until_stopped(c, &first);
        assert_int_equal(first.last_step, step);
        c.resume = true;
        float *got = values_after(c, &second, &again);
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
    const Fixture *f = *state;
    TrainConfig c = config(f);
    Seen whole = {0}, first = {.stop_in_test = true}, second = {0};
    size_t count;
    float *want = values_after(c, &whole, &count);
    c.checkpoint_path = f->checkpoint;
    run_until_stopped(c, &first);
    assert_int_equal(first.last_step, 8);
    assert_int_equal(first.epochs, 0);
    c.resume = true;
    float *got = values_after(c, &second, &count);
    assert_int_equal(second.epochs, 2);
    assert_memory_equal(got, want, count * sizeof *got);
    free(got);
    free(want);
}

static void a_stop_within_a_step_or_a_batch_of_tests_changes_no_bit(void **state)
{
    const Fixture *f = *state;
    TrainConfig c = config(f);
    // Each epoch: a step in four parts, one in one, and an evaluation in two.
    c.batch_size = 100;
    Seen whole = {0};
    size_t count;
    float *want = values_after(c, &whole, &count);
    assert_int_equal(whole.parts, 2 * (3 + 0 + 1));
    c.checkpoint_path = f->checkpoint;
    for (int part = 1; part <= whole.parts; part++) {
        Seen first = {.stop_at_part = part}, second = {0};
        c.resume = false;
        run_until_stopped(c, &first);
        assert_int_equal(first.parts, part);
        assert_int_equal(first.last_step, (part - 1) / 4 * 2 + (part % 4 == 0 ? 2 : 0));
        c.resume = true;
        float *got = values_after(c, &second, &count);
        assert_memory_equal(got, want, count * sizeof *got);
        assert_int_equal(first.points + second.points, whole.points);
        assert_int_equal(first.epochs + second.epochs, whole.epochs);
        assert_true(second.last_epoch.loss == whole.last_epoch.loss);
        assert_true(second.last_epoch.test_loss == whole.last_epoch.test_loss);
        free(got);
    }
    free(want);
}

/* ---- Kernels ---- */

/* With kernels of our own, which are measured for this run: there is nowhere to keep them. */
static TrainConfig autotuned(const Fixture *f)
{
    TrainConfig c = config(f);
    c.library_only = false;
    c.batch_size = 100;  // a whole batch and a rest
    return c;
}

static void kernels_are_chosen_before_the_first_step(void **state)
{
    size_t count;
    Seen seen = {0};
    free(values_after(autotuned(*state), &seen, &count));
    assert_int_equal(seen.kernels_events, 1);
    assert_non_null(strstr(seen.kernels, "\nforward 3x3"));
    assert_non_null(strstr(seen.kernels, "\nbackward weights 3x3"));
    assert_string_equal(seen.kernels_note, "");
}

static void a_repeat_with_the_same_kernels_gives_the_same_bits(void **state)
{
    size_t count;
    TrainConfig c = autotuned(*state);
    Seen first = {0}, second = {0};
    float *want = values_after(c, &first, &count);
    c.kernels = first.kernels;
    float *got = values_after(c, &second, &count);
    assert_memory_equal(got, want, count * sizeof *got);
    assert_string_equal(second.kernels, first.kernels);
    assert_string_equal(second.kernels_note, "");
    free(got);
    free(want);
}

static void a_resume_takes_the_kernels_of_its_checkpoint(void **state)
{
    const Fixture *f = *state;
    size_t count;
    TrainConfig c = autotuned(f);
    Seen whole = {0}, first = {.stop_at_step = 3}, second = {0};
    float *want = values_after(c, &whole, &count);
    c.checkpoint_path = f->checkpoint;
    c.kernels = whole.kernels;
    run_until_stopped(c, &first);
    c.kernels = NULL;
    c.resume = true;
    float *got = values_after(c, &second, &count);
    assert_memory_equal(got, want, count * sizeof *got);
    assert_string_equal(second.kernels, whole.kernels);
    assert_string_equal(second.note, "");
    free(got);
    free(want);
}

static void kernels_that_are_not_available_are_reported(void **state)
{
    static const struct {
        const char *record, *note;
    } CASES[] = {
        {"googlenetd kernels 1\nmachine Another CPU\nforward x | y\n",
         "kernels that were recorded are not available here and were chosen anew: results may "
         "differ in the last bits"},
        {"forward x | y\n", "this is not a record of kernels: it does not start with "
                            "\"googlenetd kernels 1\" and a machine"}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        size_t count;
        TrainConfig c = autotuned(*state);
        Seen seen = {0};
        c.epochs = 1;
        c.kernels = CASES[i].record;
        free(values_after(c, &seen, &count));
        assert_string_equal(seen.kernels_note, CASES[i].note);
    }
}

/* A kernel that the record names and nobody here has: a later version's. */
static void an_unknown_kernel_is_measured_anew(void **state)
{
    size_t count;
    TrainConfig c = autotuned(*state);
    Seen first = {0}, second = {0};
    c.epochs = 1;
    free(values_after(c, &first, &count));
    char *unknown = xstrdup(first.kernels), *last = strrchr(unknown, '|');
    memset(last + 2, 'x', strlen(last + 2) - 1);
    c.kernels = unknown;
    free(values_after(c, &second, &count));
    assert_non_null(strstr(second.kernels_note, "results may differ in the last bits"));
    assert_null(strstr(second.kernels, "| xx"));
    free(unknown);
}

static void a_cache_that_cannot_be_used_is_noted(void **state)
{
    size_t count;
    TrainConfig c = autotuned(*state);
    Seen seen = {0};
    c.epochs = 1;
    c.autotune_path = "/proc/self/nowhere/kernels";
    free(values_after(c, &seen, &count));
    assert_non_null(strstr(seen.kernels_note, "/proc/self/nowhere/kernels"));
    assert_int_equal(seen.epochs, 1);
}

static void a_checkpoint_on_request_is_written_and_training_goes_on(void **state)
{
    const Fixture *f = *state;
    TrainConfig c = config(f);
    c.checkpoint_path = f->checkpoint;
    Seen seen = {.stop_at_step = 3, .checkpoint_at_step = true};
    size_t count;
    free(values_after(c, &seen, &count));
    assert_int_equal(seen.checkpoints, 2);  // that one and the last
    assert_int_equal(seen.last_step, 16);
}

static void a_resume_elsewhere_says_that_bits_may_differ(void **state)
{
    const Fixture *f = *state;
    TrainConfig c = config(f);
    c.checkpoint_path = f->checkpoint;
    Seen first = {.stop_at_step = 3}, second = {0};
    run_until_stopped(c, &first);
    c.resume = true;
    c.threads = 1;
    size_t count;
    free(values_after(c, &second, &count));
    assert_string_equal(second.note, "the checkpoint was written with 2 threads, now there are 1: "
                                     "results may differ in the last bits");
}

static void a_checkpoint_of_other_settings_is_refused(void **state)
{
    const Fixture *f = *state;
    TrainConfig c = config(f);
    c.checkpoint_path = f->checkpoint;
    Seen seen = {.stop_at_step = 12};
    run_until_stopped(c, &seen);
    c.resume = true;
    Trainer *t = NULL;
    Error err = {0};
    TrainConfig other = c;
    other.seed = 12;
    assert_false(trainer_new(&other, &t, &err));
    assert_non_null(strstr(err.message, "is of a training with seed 11, not 12"));
    other = c;
    other.batch_size = 8;
    assert_false(trainer_new(&other, &t, &err));
    assert_non_null(strstr(err.message, "batch size or examples differ"));
}

static void a_loss_that_explodes_ends_the_training(void **state)
{
    const Fixture *f = *state;
    Error err = {0};
    TrainConfig c = config(f);
    c.learning_rate = 1e18;
    c.checkpoint_path = f->checkpoint;
    unlink(f->checkpoint);
    Trainer *t = trainer_of(c);
    Seen seen = {0};
    assert_false(trainer_run(t, watch, &seen, &err));
    assert_int_equal(err.code, ERR_NUMERIC);
    assert_non_null(strstr(err.message, "a smaller learning_rate may help"));
    assert_int_equal(access(f->checkpoint, F_OK), -1);
    trainer_free(t);
}

static void bad_settings_are_refused(void **state)
{
    static const char *const WANT[] = {
        "epochs must be 1 or more, got 0", "batch_size must be 1 or more, got -3",
        "learning_rate must be above 0, got 0", "nesterov needs a momentum above 0",
        "resume needs a checkpoint_path"};
    TrainConfig c[5];
    for (int i = 0; i < 5; i++)
        c[i] = config(*state);
    c[0].epochs = 0;
    c[1].batch_size = -3;
    c[2].learning_rate = 0;
    c[3].sgd = (Sgd){.nesterov = true};
    c[4].resume = true;
    for (int i = 0; i < 5; i++) {
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
        cmocka_unit_test(kernels_are_chosen_before_the_first_step),
        cmocka_unit_test(a_repeat_with_the_same_kernels_gives_the_same_bits),
        cmocka_unit_test(a_resume_takes_the_kernels_of_its_checkpoint),
        cmocka_unit_test(kernels_that_are_not_available_are_reported),
        cmocka_unit_test(an_unknown_kernel_is_measured_anew),
        cmocka_unit_test(a_cache_that_cannot_be_used_is_noted),
        cmocka_unit_test(a_checkpoint_on_request_is_written_and_training_goes_on),
        cmocka_unit_test(a_resume_elsewhere_says_that_bits_may_differ),
        cmocka_unit_test(a_checkpoint_of_other_settings_is_refused),
        cmocka_unit_test(a_loss_that_explodes_ends_the_training),
        cmocka_unit_test(bad_settings_are_refused),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, setup, teardown);
}
