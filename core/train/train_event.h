/* core/train/train_event.h -- what a training tells its callback, and what that may answer. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/train/ending.h"
#include "core/train/epoch_metrics.h"

typedef enum {
    TRAIN_STEP,        // a step was made
    TRAIN_POINT,       // ... and it is one of those that the curve records, five times an epoch
    TRAIN_PART,        // a part of a step or of an evaluation was done: a chance to stop, no news
    TRAIN_EPOCH,       // an epoch has ended and was evaluated
    TRAIN_CHECKPOINT,  // a checkpoint has been written; TRAIN_CHECKPOINT_NOW: write it once more
    TRAIN_CHECKPOINT_FAILED,  // ... could not be, see `error`; TRAIN_CHECKPOINT_NOW: try again,
                              // into a new file; any other answer ends the training with the error
    TRAIN_KERNELS,      // every kernel has been chosen, before the first step: `kernels` is the
                        // record; `note` says if an earlier record or the cache could not be used
    TRAIN_INITIALIZED,  // weights were taken from a model, before the first step; which, is in
                        // trainer_transfer(), and in `note`
    TRAIN_RESUMED,      // the state was loaded; what differs is in trainer_resume()
    TRAIN_END,          // the training is over; comes last, and only when it succeeded
} TrainEventType;

typedef struct {
    TrainEventType type;
    int64_t step;  // steps done, from 1 after the first
    int64_t total_steps;
    int64_t epoch;               // the epoch that this step belongs to, from 1
    double epoch_position;       // epochs done as a real number: 1.5 is the middle of the second
    double loss, accuracy;       // means over the epoch so far
    double learning_rate;        // of this step
    int64_t step_examples;       // that this step was made of
    double examples_per_second;  // training only: the epoch so far
    double train_seconds;        // of the epoch so far
    double total_seconds;        // of steps and evaluations, over all runs

    /* Figures of the weights as they are now. They were evaluated on the examples that are chosen
     * by: always in TRAIN_EPOCH and TRAIN_END, perhaps in TRAIN_CHECKPOINT and TRAIN_RESUMED.
     * Without held-out examples that is the test split; with them it is tested when the training
     * is over: in the TRAIN_EPOCH of the last epoch and in TRAIN_END. Zeros else. */
    bool evaluated, validated, tested;
    double validation_loss, validation_accuracy;
    double test_loss, test_accuracy, test_top5_accuracy;
    double test_seconds;  // TRAIN_EPOCH: of evaluations
    bool best;            // they were evaluated, and are the best so far

    Ending ending;  // TRAIN_END: why it is over
    // NULL or one sentence. TRAIN_INITIALIZED: what was taken. TRAIN_RESUMED: why results may
    // differ, or that nothing is left to train.
    const char *note;
    const char *kernels;  // TRAIN_KERNELS: text, to be kept with the run and given to a repeat as
                          // TrainConfig.kernels; NULL with library_only. Alive during the call.
    const Error *error;   // TRAIN_CHECKPOINT_FAILED
} TrainEvent;

typedef enum {
    TRAIN_GO_ON,
    TRAIN_CHECKPOINT_NOW,  // write a checkpoint, then go on
    TRAIN_STOP,            // write a checkpoint, then return ERR_STOPPED; after TRAIN_PART the step
                           // or evaluation under way is given up, and a resume starts it anew
} TrainAnswer;

typedef TrainAnswer (*TrainCallback)(void *context, const TrainEvent *event);

/* The row of a TRAIN_EPOCH event. */
EpochMetrics train_event_metrics(const TrainEvent *event);
