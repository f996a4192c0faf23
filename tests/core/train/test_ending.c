/* tests/core/train/test_ending.c -- budgets and patience. */
#include "core/train/ending.h"

#include "tests/check.h"

static void without_rules_nothing_ends(void **state)
{
    (void)state;
    EndingState s = ending_start();
    for (int i = 0; i < 1000; i++)
        ending_epoch(&(EarlyEnding){0}, &s, 0.1);
    s.seconds = 1e9;
    assert_int_equal(ending_early(&(EarlyEnding){0}, &s), ENDING_NONE);
}

static void patience_counts_epochs_without_a_better_one(void **state)
{
    (void)state;
    const struct {
        double accuracy;
        Ending after;
    } epochs[] = {
        {0.0, ENDING_NONE}, {0.5, ENDING_NONE},  {0.5, ENDING_NONE},  // equal is not better
        {0.6, ENDING_NONE}, {0.55, ENDING_NONE}, {0.59, ENDING_EARLY_STOPPING},
    };
    const EarlyEnding rules = {.patience = 2};
    EndingState s = ending_start();
    for (size_t i = 0; i < COUNT(epochs); i++) {
        ending_epoch(&rules, &s, epochs[i].accuracy);
        if (ending_early(&rules, &s) != epochs[i].after)
            fail_msg("after epoch %zu it is %d", i + 1, ending_early(&rules, &s));
    }
    char text[128];
    ending_sentence(ENDING_EARLY_STOPPING, &rules, &s, text, sizeof text);
    assert_string_equal(text, "stopped early: 2 epochs without a better accuracy than 0.600");
}

static void small_steps_are_not_better(void **state)
{
    (void)state;
    const EarlyEnding rules = {.patience = 3, .min_delta = 0.125};
    EndingState s = ending_start();
    ending_epoch(&rules, &s, 0.5);
    ending_epoch(&rules, &s, 0.5625);
    ending_epoch(&rules, &s, 0.625);  // 0.125 above the best, not more
    assert_int_equal(ending_early(&rules, &s), ENDING_NONE);
    assert_int_equal(s.idle_epochs, 2);
    ending_epoch(&rules, &s, 0.626);
    assert_int_equal(s.idle_epochs, 0);
}

static void first_epoch_is_always_better(void **state)
{
    (void)state;
    const EarlyEnding rules = {.patience = 1, .min_delta = 1};
    EndingState s = ending_start();
    ending_epoch(&rules, &s, 0);
    assert_int_equal(ending_early(&rules, &s), ENDING_NONE);
    ending_epoch(&rules, &s, 1);
    assert_int_equal(ending_early(&rules, &s), ENDING_EARLY_STOPPING);
}

static void the_budget_ends_when_it_is_used_up(void **state)
{
    (void)state;
    const EarlyEnding rules = {.max_seconds = 2.5};
    EndingState s = ending_start();
    s.seconds = 2.4;
    assert_int_equal(ending_early(&rules, &s), ENDING_NONE);
    s.seconds = 2.5;
    assert_int_equal(ending_early(&rules, &s), ENDING_MAX_SECONDS);
    char text[128];
    ending_sentence(ENDING_MAX_SECONDS, &rules, &s, text, sizeof text);
    assert_string_equal(text, "stopped early: the budget of 2.5 seconds is used up");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_rules_nothing_ends),
        cmocka_unit_test(patience_counts_epochs_without_a_better_one),
        cmocka_unit_test(small_steps_are_not_better),
        cmocka_unit_test(first_epoch_is_always_better),
        cmocka_unit_test(the_budget_ends_when_it_is_used_up),
    };
    return RUN_TESTS(tests);
}
