#include "server/jobs/policy.h"
#include "tests/check.h"

static Policy patient(int patience, double min_delta)
{
    return policy_new(
        &(JobSpec){.early_stopping_patience = patience, .early_stopping_min_delta = min_delta});
}

static void without_rules_nothing_ends(void **state)
{
    (void)state;
    Policy p = policy_new(&(JobSpec){0});
    for (int i = 0; i < 1000; i++)
        policy_epoch(&p, 0.1);
    assert_int_equal(policy_verdict(&p, 1e9), POLICY_GO_ON);
}

static void patience_counts_epochs_without_a_better_one(void **state)
{
    (void)state;
    const struct {
        double accuracy;
        PolicyVerdict after;
    } epochs[] = {
        {0.0, POLICY_GO_ON}, {0.5, POLICY_GO_ON},  {0.5, POLICY_GO_ON},  // equal is not better
        {0.6, POLICY_GO_ON}, {0.55, POLICY_GO_ON}, {0.59, POLICY_EARLY_STOPPING},
    };
    Policy p = patient(2, 0);
    for (size_t i = 0; i < COUNT(epochs); i++) {
        policy_epoch(&p, epochs[i].accuracy);
        if (policy_verdict(&p, 0) != epochs[i].after)
            fail_msg("after epoch %zu the verdict is %d", i + 1, policy_verdict(&p, 0));
    }
    char text[128];
    policy_sentence(&p, POLICY_EARLY_STOPPING, text, sizeof text);
    assert_string_equal(text, "stopped early: 2 epochs without a better test accuracy than 0.600");
}

static void small_steps_are_not_better(void **state)
{
    (void)state;
    Policy p = patient(3, 0.125);
    policy_epoch(&p, 0.5);
    policy_epoch(&p, 0.5625);
    policy_epoch(&p, 0.625);  // 0.125 above the best, not more
    assert_int_equal(policy_verdict(&p, 0), POLICY_GO_ON);
    assert_int_equal(p.idle_epochs, 2);
    policy_epoch(&p, 0.626);
    assert_int_equal(p.idle_epochs, 0);
}

static void first_epoch_is_always_better(void **state)
{
    (void)state;
    Policy p = patient(1, 1);
    policy_epoch(&p, 0);
    assert_int_equal(policy_verdict(&p, 0), POLICY_GO_ON);
    policy_epoch(&p, 1);
    assert_int_equal(policy_verdict(&p, 0), POLICY_EARLY_STOPPING);
}

static void budget_ends_when_it_is_used_up(void **state)
{
    (void)state;
    const Policy p = policy_new(&(JobSpec){.max_seconds = 1.5});
    assert_int_equal(policy_verdict(&p, 1.49), POLICY_GO_ON);
    assert_int_equal(policy_verdict(&p, 1.5), POLICY_MAX_SECONDS);
    assert_string_equal(POLICY_REASONS[POLICY_MAX_SECONDS], "max_seconds");
    char text[128];
    policy_sentence(&p, POLICY_MAX_SECONDS, text, sizeof text);
    assert_string_equal(text, "stopped early: the budget of 1.5 seconds is used up");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_rules_nothing_ends),
        cmocka_unit_test(patience_counts_epochs_without_a_better_one),
        cmocka_unit_test(small_steps_are_not_better),
        cmocka_unit_test(first_epoch_is_always_better),
        cmocka_unit_test(budget_ends_when_it_is_used_up),
    };
    return RUN_TESTS(tests);
}
