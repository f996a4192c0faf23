/* core/train/train_config.h -- all that a training is to do. Lengths are pixels, times seconds; {0}
 * leaves a part out.
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
#include "core/train/optim/average.h"
#include "core/train/optim/optimizer.h"
#include "core/train/optim/schedule.h"
#include "core/train/precision.h"

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
    Trace *trace;  // gets what this rank does when, borrowed; NULL: nothing is recorded
    /* Lines that the ranks must share, "epochs 3" or the like, each with its line feed. NULL:
     * unknown */
    const char *settings;
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
    // The data set lies elsewhere than it did: a checkpoint without its digest is of another one.
    bool dataset_moved;
} TrainConfig;

/* Arrays of a number for each trained parameter that a training needs besides the gradients. */
int train_extra_arrays(const TrainConfig *config);

/* What is wrong with it beside the graph. ERR_INVALID, with a sentence. */
bool train_config_check(const TrainConfig *config, Error *err);

/* A sentence on the classes that a limit leaves without an example; false: there are none. Of sets
 * of one's own, which are stored class by class, a limit takes the first classes alone. */
bool train_limit_note(const TrainConfig *config, bool test, char *text, size_t size);

/* Steps of an epoch of so many batches; accumulation 0: 1. */
int64_t train_epoch_steps(int64_t batches, int accumulation);
