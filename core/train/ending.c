#include "core/train/ending.h"

#include <stdio.h>

const char *const ENDING_NAMES[] = {
    [ENDING_NONE] = "",
    [ENDING_COMPLETED] = "completed",
    [ENDING_MAX_SECONDS] = "max_seconds",
    [ENDING_EARLY_STOPPING] = "early_stopping",
};

void ending_epoch(const EarlyEnding *rules, EndingState *state, double test_accuracy)
{
    // The first epoch betters it, whatever min_delta is.
    if (state->reference < 0 || test_accuracy > state->reference + rules->min_delta) {
        state->reference = test_accuracy;
        state->idle_epochs = 0;
    } else {
        state->idle_epochs++;
    }
}

Ending ending_early(const EarlyEnding *rules, const EndingState *state)
{
    if (rules->patience > 0 && state->idle_epochs >= rules->patience)
        return ENDING_EARLY_STOPPING;
    if (rules->max_seconds > 0 && state->seconds >= rules->max_seconds)
        return ENDING_MAX_SECONDS;
    return ENDING_NONE;
}

void ending_sentence(Ending ending, const EarlyEnding *rules, const EndingState *state, char *text,
                     size_t size)
{
    if (ending == ENDING_EARLY_STOPPING)
        snprintf(text, size, "stopped early: %lld epoch%s without a better accuracy than %.3f",
                 (long long)state->idle_epochs, state->idle_epochs == 1 ? "" : "s",
                 state->reference);
    else if (ending == ENDING_MAX_SECONDS)
        snprintf(text, size, "stopped early: the budget of %g seconds is used up",
                 rules->max_seconds);
    else
        snprintf(text, size, "all epochs done");
}
