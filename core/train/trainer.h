/* core/train/trainer.h -- trains a network: epochs, evaluation, metrics, checkpoints.
 *
 * The one driver of a training, for the command line and the daemon alike. It reports through one
 * callback, which is called on the trainer's thread after every step and every event below, and
 * answers whether to go on. The trainer runs on the calling thread and its OpenMP team; one more
 * thread prepares batches.
 *
 *     trainer_new(&config, &trainer, &err)
 *     trainer_run(trainer, on_event, context, &err)  // ends with TRAIN_END if it returns true
 *     trainer_params(trainer)                        // the weights that TRAIN_END's figures are of
 *
 * Train loss and accuracy are means over the examples seen in the epoch so far, each measured
 * before its own update; test figures are measured after the epoch, or where examples are held out
 * to choose by, after the last. A step is an update of the weights: with `accumulation` it takes
 * several batches. Same config, seed, thread count, machine and kernels give bit-identical
 * parameters, also across a stop and a resume.
 *
 * NaN or infinity in a loss, in the norm of the gradients or in a weight ends the training at the
 * step where it arose; no checkpoint is written after that.
 */
#pragma once
#include "core/base/trace.h"
#include "core/comm/comm.h"
#include "core/data/augment/augment.h"
#include "core/data/class_weights.h"
#include "core/data/dataset.h"
#include "core/data/normalization.h"
#include "core/data/progressive.h"
#include "core/models/models.h"
#include "core/train/ending.h"
#include "core/train/epoch_metrics.h"
#include "core/train/files/checkpoint.h"
#include "core/train/files/model_info.h"
#include "core/train/optim/average.h"
#include "core/train/optim/optimizer.h"
#include "core/train/optim/schedule.h"
#include "core/train/precision.h"
#include "core/train/resume.h"
#include "core/train/transfer.h"

/* Which parameters stay as they are. */
typedef enum {
    FREEZE_NONE,
    FREEZE_FEATURES,  // all but the head's (core/train/head.h): they run as in evaluation, batch
                      // norms with their running statistics, and have no backward pass
} FreezeType;

extern const char *const FREEZE_NAMES[];  // by FreezeType, NULL-terminated

typedef struct {
    const Model *model;
    BlockList blocks;         // channels given instead of the model's own; count 0: none
    const Dataset *dataset;   // borrowed
    int image_size;           // side in pixels
    Progressive progressive;  // smaller images in the first epochs of training; {0}: none
    int epochs;
    /* The last, smaller batch of an epoch is trained on too. Where the network couples the examples
     * of a batch (batch normalisation), a last batch of one example is left out, and batch_size is
     * 2 or more: with one value a channel there is no variance, and PyTorch refuses it, too. */
    int batch_size;
    int train_limit;  // use the first n examples; 0: all
    int test_limit;   // the same for the test split
    // Share of the examples that train, 0 to 0.5, that is held out to choose by; 0: the test split
    // chooses. See core/data/holdout.h.
    double validation_split;
    int accumulation;  // batches of a step, fewer in an epoch's last; 0: 1
    /* Parts that each batch is cut into, as equal as can be, 1 to 64; 0: 1. Each is a batch of its
     * own to the network, unless `sync` is on; gradients, losses and running statistics are their
     * means, weighted by examples and summed in an order that `shards` alone fixes. Of a small last
     * batch fewer shards have examples. The same shards give the same bits on any number of ranks
     * that divides them, with the same threads and kernels. */
    int shards;
    /* Statistics of batch normalisation, and the mean that class weights make, are of the whole
     * batch and not of a shard: but for rounding, the shards compute what the batch would as one.
     * All shards of a rank are in memory at once. */
    bool sync;
    /* The ranks that train together, borrowed; NULL: alone. All have the same settings and data;
     * only rank 0 loads initial weights and writes checkpoints. */
    const Comm *comm;
    Trace *trace;          // gets what this rank does when, borrowed; NULL: nothing is recorded
    const char *settings;  // a digest of all settings, which the ranks must share; NULL: unknown
    double learning_rate;
    Optimizer optimizer;
    double clip_norm;  // most that the norm of the gradients may be; 0: any
    Averaging ema;     // if on, the averaged weights are those evaluated, and the model
    Schedule schedule;
    double label_smoothing;      // [0, 1)
    ClassWeights class_weights;  // of the training loss, by the examples that train
    Augmentation augmentation;   // of the training images
    // Of all images. Measured: over the training examples, before the first step; given: those of
    // `normalization`, one for each channel.
    NormalizationType normalization_type;
    Normalization normalization;
    EarlyEnding early_ending;
    Precision precision;
    uint64_t seed;
    int threads;  // of the OpenMP team, see core/base/threads/team.h; 0: as many as it allows
    int loader_threads;  // that prepare batches beside it; 0: a quarter of those, at least 1
    // Model file with the initial weights, as far as they fit (core/train/transfer.h), where no
    // checkpoint is resumed; NULL: all are drawn by the seed.
    const char *init_from;
    FreezeType freeze;
    double head_rate_factor;  // learning rate of the head, relative to the schedule's; 0: 1
    /* Which kernel computes each convolution; see core/autotune/autotune.h. A resume uses those of
     * its checkpoint, then those of `kernels`; the rest is measured before the first step. */
    bool library_only;          // oneDNN's kernels alone: nothing is measured
    const char *kernels;        // the record of a run to repeat (TrainEvent.kernels); NULL: none
    const char *autotune_path;  // file that keeps measurements between runs; NULL: nothing is kept

    // Checkpoints go to checkpoint_path, each replacing the one before; NULL: none.
    const char *checkpoint_path;
    int checkpoint_every_epochs;      // 0: never by epochs
    double checkpoint_every_seconds;  // 0: never by time
    bool checkpoint_best;             // whenever the weights are the best so far
    // Checkpoints to continue from, the newest first; none: the training starts anew.
    const char *const *resume_from;
    int resume_count;
} TrainConfig;

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

/* A training in progress. */
typedef struct Trainer Trainer;

/* Checks the config against model and dataset, builds the network, initialises or loads the
 * parameters. ERR_INVALID: the config or all checkpoints; ERR_NO_MEMORY, ERR_DNN: the network. */
bool trainer_new(const TrainConfig *config, Trainer **trainer, Error *err);
void trainer_free(Trainer *trainer);  // takes NULL

/* To be called once. Train until the last epoch or an early ending, evaluate the final weights if
 * they were not, and write the last checkpoint. ERR_STOPPED: the callback said stop, and the
 * checkpoint is written. ERR_NUMERIC: NaN or infinity arose; the last checkpoint is kept. ERR_IO: a
 * checkpoint could not be written. */
bool trainer_run(Trainer *trainer, TrainCallback callback, void *context, Error *err);

/* With a moving average, `values` are those being trained; model_save writes the average. */
const ParamStore *trainer_params(const Trainer *trainer);
const TrainState *trainer_state(const Trainer *trainer);
/* What the network is, for model_save, but for the data set's name; valid as long as the config's
 * dataset and model. */
ModelInfo trainer_model_info(const Trainer *trainer);
/* NULL: it did not start from a model. */
const TransferReport *trainer_transfer(const Trainer *trainer);
const ResumeReport *trainer_resume(const Trainer *trainer);  // NULL: it started anew
int64_t trainer_total_steps(const Trainer *trainer);         // of the settings, or done if more
int64_t trainer_epoch_steps(const Trainer *trainer);

/* Steps of an epoch of so many batches; accumulation 0: 1. */
int64_t train_epoch_steps(int64_t batches, int accumulation);
/* Arrays of a number for each trained parameter that a training needs besides the gradients. */
int train_extra_arrays(const TrainConfig *config);
