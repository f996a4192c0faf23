#include "server/jobs/policy.h"

#include <math.h>
#include <stdio.h>

const char *const POLICY_REASONS[] = {
    [POLICY_GO_ON] = "",
    [POLICY_MAX_SECONDS] = "max_seconds",
    [POLICY_EARLY_STOPPING] = "early_stopping",
};

Policy policy_new(const JobSpec *spec)
{
    return (Policy){
        .max_seconds = spec->max_seconds,
        .patience = spec->early_stopping_patience,
        .min_delta = spec->early_stopping_min_delta,
        .best = -INFINITY,  // the first epoch betters it, whatever min_delta is
    };
}

void policy_epoch(Policy *policy, double test_accuracy)
{
    if (test_accuracy > policy->best + policy->min_delta) {
        policy->best = test_accuracy;
        policy->idle_epochs = 0;
    } else {
        policy->idle_epochs++;
    }
}

PolicyVerdict policy_verdict(const Policy *policy, double seconds)
{
    if (policy->patience > 0 && policy->idle_epochs >= policy->patience)
        return POLICY_EARLY_STOPPING;
    if (policy->max_seconds > 0 && seconds >= policy->max_seconds)
        return POLICY_MAX_SECONDS;
    return POLICY_GO_ON;
}

void policy_sentence(const Policy *policy, PolicyVerdict verdict, char *text, size_t size)
{
    if (verdict == POLICY_EARLY_STOPPING)
        snprintf(text, size, "stopped early: %d epoch%s without a better test accuracy than %.3f",
                 policy->idle_epochs, policy->idle_epochs == 1 ? "" : "s", policy->best);
    else if (verdict == POLICY_MAX_SECONDS)
        snprintf(text, size, "stopped early: the budget of %g seconds is used up",
                 policy->max_seconds);
    else
        snprintf(text, size, "all epochs done");
}
