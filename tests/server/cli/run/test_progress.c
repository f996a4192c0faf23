#include "server/cli/run/progress.h"

#include <string.h>

#include "tests/check.h"

static const Progress PROGRESS = {.epochs = 10, .batch_size = 100, .test_seconds = 5};
static const TrainEvent MIDDLE = {.type = TRAIN_STEP,
                                  .step = 500,
                                  .total_steps = 1000,
                                  .epoch = 5,
                                  .loss = 0.5234,
                                  .accuracy = 0.8,
                                  .examples_per_second = 100};

static void durations_are_short(void **state)
{
    (void)state;
    const struct {
        double seconds;
        const char *text;
    } durations[] = {
        {-1, "0s"},         {0.4, "0s"},
        {59.4, "59s"},      {59.6, "1m 00s"},
        {754, "12m 34s"},   {3600, "1h 00m"},
        {11100, "3h 05m"},  {86400, "1d 00h"},
        {183600, "2d 03h"}, {INFINITY, "11574d 01h"},
    };
    for (size_t i = 0; i < COUNT(durations); i++) {
        char text[DURATION_TEXT];
        duration_text(durations[i].seconds, text);
        assert_string_equal(text, durations[i].text);
    }
}

static void time_left_counts_steps_and_evaluations(void **state)
{
    (void)state;
    // 500 steps of a second each, and the evaluations of epochs 5 to 10.
    CHECK_NEAR(seconds_left(&PROGRESS, &MIDDLE), 500 + 6 * 5, 1e-9);
    TrainEvent unknown = MIDDLE;
    unknown.examples_per_second = 0;
    assert_true(seconds_left(&PROGRESS, &unknown) < 0);
}

static void line_shows_everything_where_there_is_room(void **state)
{
    (void)state;
    char text[200];
    progress_line(&PROGRESS, &MIDDLE, 120, text, sizeof text);
    assert_string_equal(text, "epoch 5/10  [############------------]  loss 0.523  acc 0.800  "
                              "100.0 examples/s  8m 50s left");
}

static void line_is_never_wider_than_the_window(void **state)
{
    (void)state;
    for (int width = 0; width < 250; width++) {
        char text[200];
        memset(text, '!', sizeof text);
        progress_line(&PROGRESS, &MIDDLE, width, text, sizeof text);
        if ((int)strlen(text) > width)
            fail_msg("%zu columns in a window of %d: %s", strlen(text), width, text);
        if (width >= 30)
            assert_non_null(strstr(text, "loss 0.523"));
    }
}

static void bar_keeps_its_length_when_figures_change(void **state)
{
    (void)state;
    TrainEvent other = MIDDLE;
    other.loss = 12.25;
    other.examples_per_second = 7.5;
    char a[200], b[200];
    progress_line(&PROGRESS, &MIDDLE, 79, a, sizeof a);
    progress_line(&PROGRESS, &other, 79, b, sizeof b);
    assert_non_null(strchr(a, ']'));
    assert_int_equal(strchr(a, ']') - a, strchr(b, ']') - b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_short),
        cmocka_unit_test(time_left_counts_steps_and_evaluations),
        cmocka_unit_test(line_shows_everything_where_there_is_room),
        cmocka_unit_test(line_is_never_wider_than_the_window),
        cmocka_unit_test(bar_keeps_its_length_when_figures_change),
    };
    return RUN_TESTS(tests);
}
