/* tests/core/train/trainer/test_trainer_kernels.c -- kernels are chosen before the first step,
 * recorded and repeated. */
#include <stdio.h>

#include "tests/check.h"
#include "tests/core/train/trainer/trainer_fixture.h"

/* With kernels of our own, which are measured for this run: there is nowhere to keep them. */
static TrainConfig autotuned(const TrainerFixture *f)
{
    TrainConfig c = small_training(f);
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
    const TrainerFixture *f = *state;
    size_t count;
    TrainConfig c = autotuned(f);
    Seen whole = {0}, first = {.stop_at_step = 3}, second = {0};
    float *want = values_after(c, &whole, &count);
    c.checkpoint_path = f->checkpoint;
    c.kernels = whole.kernels;
    run_until_stopped(c, &first);
    c.kernels = NULL;
    float *got = values_after(resumed(c, f), &second, &count);
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
    assert_non_null(strstr(seen.kernels_note, "the kernels measured here are not kept for later "
                                              "runs: cannot open /proc/self/nowhere/kernels"));
    assert_int_equal(seen.epochs, 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_are_chosen_before_the_first_step),
        cmocka_unit_test(a_repeat_with_the_same_kernels_gives_the_same_bits),
        cmocka_unit_test(a_resume_takes_the_kernels_of_its_checkpoint),
        cmocka_unit_test(kernels_that_are_not_available_are_reported),
        cmocka_unit_test(an_unknown_kernel_is_measured_anew),
        cmocka_unit_test(a_cache_that_cannot_be_used_is_noted),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, trainer_setup, trainer_teardown);
}
