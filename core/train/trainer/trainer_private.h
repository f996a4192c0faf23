/* core/train/trainer/trainer_private.h -- the state that the files of the trainer share. */
#pragma once
#include "core/data/holdout.h"
#include "core/data/loader/loader.h"
#include "core/net/net.h"
#include "core/train/optim/batch_group.h"
#include "core/train/trainer/trainer.h"

struct Trainer {
    TrainConfig config;  // its pointers but `model` and `dataset` are not valid after trainer_new
    TrainState state;
    TransferReport transfer;  // count 0: it did not start from a model
    ResumeReport resume;      // path NULL: started anew

    // What is trained.
    Graph *graph;
    ParamStore *params;
    Head head;
    UpdateHead update_head;  // of an update

    // What computes it.
    Net *net;    // of the final image size
    Net *small;  // of a smaller one; NULL: there is none now
    Graph *small_graph;
    int small_size;
    Autotune *autotune;  // NULL: oneDNN's kernels alone
    char *autotune_path;
    char kernels_note[640];  // of TRAIN_KERNELS

    // On what.
    Holdout holdout;        // of the training split
    double *class_weights;  // of the classes; NULL: 1 each
    Loader *train;
    Loader *validation, *test;  // NULL until they are first needed, or where its share is empty
    int loader_threads;
    int64_t examples, batches, epoch_steps;  // in an epoch

    // A step, which takes `accumulation` batches, each of `shard_count` shards.
    BatchGroup *group;
    int accumulation;
    int shard_count;
    struct Shards *shards;  // NULL: a batch is one
    bool synced;            // shards share the statistics that couple their examples
    bool in_step;           // with other ranks, where no rank can give up alone
    int64_t step_examples;  // of the last step

    // Checkpoints, and who is told.
    char *checkpoint_path;   // NULL: no checkpoints
    double last_checkpoint;  // clock
    bool saved;              // the last checkpoint is of the state as it is
    TrainCallback callback;
    void *context;
    TrainAnswer asked;  // the strongest answer since it was last acted upon
};
