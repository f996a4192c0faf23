/* server/jobs/policy.h -- when a training ends, as a success, before its last epoch.
 *
 * Two rules: the budget max_seconds, and early stopping: no epoch among the last `patience` has
 * bettered the best test accuracy before it by more than min_delta. After a resume the epochs of
 * earlier runs are told to the policy again, in order, so it goes on where it stood.
 */
#pragma once
#include "server/jobs/spec.h"

typedef enum {
    POLICY_GO_ON,
    POLICY_MAX_SECONDS,
    POLICY_EARLY_STOPPING,
} PolicyVerdict;

/* By PolicyVerdict: "", "max_seconds", "early_stopping". */
extern const char *const POLICY_REASONS[];

typedef struct {
    double max_seconds;  // 0: no budget
    int patience;        // epochs; 0: off
    double min_delta;
    double best;      // the accuracy to better
    int idle_epochs;  // since it was reached
} Policy;

Policy policy_new(const JobSpec *spec);

/* An epoch has ended and was evaluated. */
void policy_epoch(Policy *policy, double test_accuracy);

/* Whether to end now. `seconds` is the time that the job has run, over all its runs. */
PolicyVerdict policy_verdict(const Policy *policy, double seconds);

/* The verdict as a sentence for people: "stopped early: 3 epochs without a better test accuracy
 * than 0.891". */
void policy_sentence(const Policy *policy, PolicyVerdict verdict, char *text, size_t size);
