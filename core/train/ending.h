/* core/train/ending.h -- when a training ends, as a success: after its last epoch, or before.
 *
 * Two rules end it before: the budget max_seconds, and early stopping: none of the last `patience`
 * epochs has bettered the best accuracy before it (on the test split, or on the examples held out)
 * by more than min_delta. What the rules remember is a part of the training's state, so that a
 * resumed training ends as an unbroken one.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum {
    ENDING_NONE,  // not yet
    ENDING_COMPLETED,
    ENDING_MAX_SECONDS,
    ENDING_EARLY_STOPPING,
} Ending;

/* By Ending: "", "completed", "max_seconds", "early_stopping". */
extern const char *const ENDING_NAMES[];

typedef struct {
    double max_seconds;  // of steps and evaluations, over all runs; 0: no budget
    int patience;        // epochs; 0: no early stopping
    double min_delta;
} EarlyEnding;

typedef struct {
    double seconds;       // spent in steps and evaluations, over all runs
    double reference;     // the accuracy to better; below 0 before the first epoch's end
    int64_t idle_epochs;  // ended since it was reached
} EndingState;

/* Before the first step. */
static inline EndingState ending_start(void)
{
    return (EndingState){.reference = -1};
}

/* An epoch has ended with this accuracy on the examples chosen by. */
void ending_epoch(const EarlyEnding *rules, EndingState *state, double test_accuracy);

/* Whether a rule ends the training now; ENDING_NONE if none does. */
Ending ending_early(const EarlyEnding *rules, const EndingState *state);

/* As a sentence for people: "stopped early: 3 epochs without a better accuracy than 0.891". */
void ending_sentence(Ending ending, const EarlyEnding *rules, const EndingState *state, char *text,
                     size_t size);
