/* core/train/trainer.h -- trains a network: epochs, evaluation, metrics, checkpoints.
 *
 * The trainer talks outward through one hook. It is called after every step and every event below,
 * on the trainer's thread, and answers whether to go on. The trainer runs on the calling thread and
 * its OpenMP team; one more thread makes batches ahead.
 *
 * Train loss and accuracy are means over the examples seen in the epoch so far, each measured
 * before its own update; test figures are measured after the epoch. Same config, seed, thread count
 * and machine give bit-identical parameters, also across a stop and a resume.
 */
#pragma once
#include "core/data/dataset.h"
#include "core/models/models.h"
#include "core/train/checkpoint.h"
#include "core/train/optimizer.h"
#include "core/train/precision.h"
#include "core/train/schedule.h"

typedef struct {
    const Model *model;
    const Dataset *dataset;  // borrowed
    int image_size;          // side in pixels
    int epochs;
    int batch_size;
    int train_limit;  // use the first n examples; 0: all
    int test_limit;   // the same for the test split
    double learning_rate;
    Sgd sgd;
    Schedule schedule;
    double label_smoothing;  // [0, 1)
    Precision precision;
    uint64_t seed;
    int threads;  // of the OpenMP team, see core/base/team.h; 0: as many as it allows
    /* Which kernel computes each convolution; see core/autotune/autotune.h. A resume uses those of
     * its checkpoint, then those of `kernels`; the rest is measured before the first step. */
    bool library_only;          // oneDNN's kernels alone: nothing is measured
    const char *kernels;        // the record of a run to repeat (TrainEvent.kernels); NULL: none
    const char *autotune_path;  // file that keeps measurements between runs; NULL: nothing is kept

    // Checkpoints go to checkpoint_path, each replacing the one before; NULL: none.
    const char *checkpoint_path;
    int checkpoint_every_epochs;      // 0: never by epochs
    double checkpoint_every_seconds;  // 0: never by time
    bool resume;                      // start from checkpoint_path
} TrainConfig;

typedef enum {
    TRAIN_STEP,        // a step was made
    TRAIN_POINT,       // ... and it is one of those that the curve records, five times an epoch
    TRAIN_PART,        // a part of a step or of an evaluation was done: a chance to stop, no news
    TRAIN_EPOCH,       // an epoch has ended and was evaluated
    TRAIN_CHECKPOINT,  // a checkpoint has been written
    TRAIN_KERNELS,     // every kernel has been chosen, before the first step: `kernels` is the
                       // record; `note` says if an earlier record or the cache could not be used
    TRAIN_RESUMED,     // the state was loaded; `note` says if bits may differ from an unbroken run
} TrainEventType;

typedef struct {
    TrainEventType type;
    int64_t step;  // steps done, from 1 after the first
    int64_t total_steps;
    int64_t epoch;               // the epoch that this step belongs to, from 1
    double epoch_position;       // epochs done as a real number: 1.5 is the middle of the second
    double loss, accuracy;       // means over the epoch so far
    double learning_rate;        // of this step
    double examples_per_second;  // training only: the epoch so far
    // TRAIN_EPOCH only
    double test_loss, test_accuracy, test_top5_accuracy;
    double train_seconds, test_seconds;
    bool best;            // the best test accuracy so far
    const char *note;     // TRAIN_KERNELS, TRAIN_RESUMED: NULL or one sentence
    const char *kernels;  // TRAIN_KERNELS: text, to be kept with the run and given to a repeat as
                          // TrainConfig.kernels; NULL with library_only. Alive during the call.
} TrainEvent;

typedef enum {
    TRAIN_GO_ON,
    TRAIN_CHECKPOINT_NOW,  // write a checkpoint, then go on
    TRAIN_STOP,            // write a checkpoint, then return ERR_STOPPED; after TRAIN_PART the step
                           // or evaluation under way is given up, and a resume starts it anew
} TrainAnswer;

typedef TrainAnswer (*TrainHook)(void *context, const TrainEvent *event);

/* A training under way; what the end of it leaves behind. */
typedef struct Trainer Trainer;

/* Checks the config against model and dataset, builds the network, initialises or loads the
 * parameters. ERR_INVALID: the config or the checkpoint; ERR_NO_MEMORY, ERR_DNN: the network. */
bool trainer_new(const TrainConfig *config, Trainer **trainer, Error *err);
void trainer_free(Trainer *trainer);  // takes NULL

/* Train to the end, or until the hook says stop. ERR_STOPPED: the hook said stop, and the
 * checkpoint is written. ERR_NUMERIC: the loss is NaN or infinite; the last checkpoint is kept.
 * ERR_IO: a checkpoint could not be written. */
bool trainer_run(Trainer *trainer, TrainHook hook, void *context, Error *err);

const ParamStore *trainer_params(const Trainer *trainer);
const Graph *trainer_graph(const Trainer *trainer);
const TrainState *trainer_state(const Trainer *trainer);
int64_t trainer_total_steps(const Trainer *trainer);
