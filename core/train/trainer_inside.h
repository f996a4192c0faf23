/* core/train/trainer_inside.h -- what trainer_new.c, trainer_kernels.c and trainer.c share. */
#pragma once
#include "core/data/loader.h"
#include "core/net/net.h"
#include "core/train/trainer.h"

struct Trainer {
    TrainConfig config;  // its pointers but `model` and `dataset` are not valid after trainer_new
    Graph *graph;
    ParamStore *params;
    Autotune *autotune;  // NULL: oneDNN's kernels alone
    char *autotune_path;
    char kernels_note[640];  // of TRAIN_KERNELS
    Net *net;
    Loader *train;
    Loader *test;  // NULL until the first evaluation
    TrainState state;
    ResumeReport resume;     // path NULL: started anew
    int64_t batches;         // in an epoch
    char *checkpoint_path;   // NULL: no checkpoints
    double last_checkpoint;  // clock
    bool saved;              // the last checkpoint is of the state as it is
    TrainCallback callback;
    void *context;
    TrainAnswer asked;  // the strongest answer since it was last acted upon
};

/* Asked by the network between two micro-batches; the context is the Trainer. */
bool trainer_goes_on(void *context);

/* How many examples of a split take part. */
int trainer_examples(const Split *split, int limit);

/* The normalisation and the training's loader, from where the state is. */
bool trainer_open_data(Trainer *t, Error *err);
/* The test split's loader, at the beginning of the split, when it is first needed. */
bool trainer_open_test(Trainer *t, Error *err);

/* Take what is known of kernels: of the checkpoint, then of a run to repeat, then of the cache. */
void trainer_load_kernels(Trainer *t);
/* Choose a kernel for everything that the training will compute. */
bool trainer_choose_kernels(Trainer *t, Error *err);
