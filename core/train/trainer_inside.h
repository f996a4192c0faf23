/* core/train/trainer_inside.h -- what the files of the trainer share. */
#pragma once
#include "core/data/holdout.h"
#include "core/data/loader.h"
#include "core/net/net.h"
#include "core/train/optim/batch_group.h"
#include "core/train/trainer.h"

/* Of a training whose batches are cut: core/train/trainer_shards.c. */
typedef struct Shards Shards;

/* Of a list of examples. */
typedef struct {
    int first, count;
} Share;

struct Trainer {
    TrainConfig config;  // its pointers but `model` and `dataset` are not valid after trainer_new
    Graph *graph;
    ParamStore *params;
    Autotune *autotune;  // NULL: oneDNN's kernels alone
    char *autotune_path;
    char kernels_note[640];  // of TRAIN_KERNELS
    Net *net;                // of the final image size
    Net *small;              // of a smaller one; NULL: there is none now
    Graph *small_graph;
    int small_size;
    Loader *train;
    Loader *validation, *test;  // NULL until they are first needed, or where its share is empty
    Holdout holdout;            // of the training split
    double *class_weights;      // of the classes; NULL: 1 each
    int loader_threads;
    TrainState state;
    Head head;
    UpdateHead update_head;   // of an update
    TransferReport transfer;  // count 0: it did not start from a model
    ResumeReport resume;      // path NULL: started anew
    BatchGroup *group;        // of a step
    int shard_count;          // of a batch
    Shards *shards;           // NULL: a batch is one
    bool synced;              // shards share the statistics that couple their examples
    bool in_step;             // with other ranks, where no rank can give up alone
    int64_t step_examples;    // of the last step
    int accumulation;         // batches of a step
    int64_t examples;         // in an epoch
    int64_t batches;          // in an epoch
    int64_t epoch_steps;      // in an epoch
    char *checkpoint_path;    // NULL: no checkpoints
    double last_checkpoint;   // clock
    bool saved;               // the last checkpoint is of the state as it is
    TrainCallback callback;
    void *context;
    TrainAnswer asked;  // the strongest answer since it was last acted upon
};

/* ---- trainer_events.c ---- */

double trainer_rate(const Trainer *t, int64_t step);
/* Whether the model as it is has been evaluated on the examples that are chosen by ... */
bool trainer_is_evaluated(const Trainer *t);
/* ... and on the test split. */
bool trainer_is_tested(const Trainer *t);
TrainEvent trainer_event(const Trainer *t, TrainEventType type);
/* Call the callback; the strongest answer since the last step counts. */
void trainer_report(Trainer *t, const TrainEvent *event);
void trainer_report_type(Trainer *t, TrainEventType type);
void trainer_report_resumed(Trainer *t);
void trainer_report_kernels(Trainer *t);
void trainer_report_initialized(Trainer *t);
/* Asked by the network between two micro-batches; the context is the Trainer. */
bool trainer_goes_on(void *context);

/* ---- trainer_step.c ---- */

/* Batch `number` of the training. */
NetBatch trainer_batch(const Trainer *t, const Batch *b, int64_t number);
/* Told by the network; the context is the Trainer. */
void trainer_grads_ready(void *context, size_t first, size_t count);
/* One step. Given up, with t->asked at TRAIN_STOP, if the callback says so in the middle. */
bool trainer_step(Trainer *t, Error *err);
/* Fails with ERR_NUMERIC. */
bool trainer_not_a_number(const char *what, double x, int64_t step, Error *err);

/* ---- trainer_shards.c ---- */

/* ERR_INVALID: this many shards suit neither the ranks nor the batches. */
bool trainer_check_shards(const Trainer *t, Error *err);
/* Examples that the net takes at once: of the largest shard. */
int trainer_net_batch(const Trainer *t);
/* Choose kernels for all shards that an epoch is made of. */
bool trainer_prepare_training(Trainer *t, Net *net, Error *err);
bool trainer_new_shards(Trainer *t, Error *err);
/* Examples [*first, *end) of a batch are those of this rank's shards. `trainer` is the Trainer. */
void trainer_own_examples(const void *trainer, int count, int *first, int *end);
void trainer_free_shards(Shards *s);  // takes NULL
/* As net_train_batch, shard by shard on all ranks; running statistics are as before on failure. */
bool trainer_train_shards(Trainer *t, Net *net, const NetBatch *batch, Metrics *sum, Error *err);
/* Told by the network: gradients of the shard under way. */
void trainer_shard_grads_ready(Shards *s, size_t first, size_t count);

/* ---- trainer_ranks.c ---- */

/* Whether all ranks have the same to do; fails on all of them. */
bool trainer_ranks_agree(Trainer *t, Error *err);
/* Weights and state are rank 0's. */
void trainer_ranks_begin(Trainer *t);
/* The strongest answer of all callbacks, and rank 0's clock. */
void trainer_ranks_meet(Trainer *t);
/* Rank 0's decision. */
bool trainer_ranks_decide(const Trainer *t, bool decision);
/* trainer_choose_kernels, by rank 0 for all. */
bool trainer_ranks_kernels(Trainer *t, Error *err);

/* ---- trainer_evaluate.c ---- */

/* Evaluate the model as it is on the examples that are chosen by; unless stopped, the state knows
 * the figures, and whether they are the best so far. */
bool trainer_evaluate(Trainer *t, Error *err);
/* ... on the test split, which chooses nothing. */
bool trainer_test(Trainer *t, Error *err);
/* What trainer_evaluate has measured. */
double trainer_accuracy(const Trainer *t);

/* ---- trainer_data.c ---- */

/* Of every size's net. */
NetConfig trainer_net_config(Trainer *t);
/* How many examples of a split take part. */
int trainer_examples(const Split *split, int limit);
/* Which examples of the training split train, and which are held out. */
bool trainer_hold_out(Trainer *t, Error *err);
/* The normalisation and the training's loader, from where the state is. */
bool trainer_open_data(Trainer *t, Error *err);
/* This rank's share of so many examples to evaluate on: whole batches, in the order of the ranks,
 * perhaps none. */
Share trainer_share(const Trainer *t, int examples, int rank);
/* The loader of this rank's share of the test split, at its beginning, when it is first needed. */
bool trainer_open_test(Trainer *t, Error *err);
bool trainer_open_validation(Trainer *t, Error *err);

/* ---- trainer_sizes.c ---- */

/* The net that trains on images of this size; the one before it of another smaller size is gone
 * then. NULL on failure. */
Net *trainer_net(Trainer *t, int size, Error *err);
/* The parameters' values were changed. */
void trainer_params_changed(Trainer *t);
void trainer_free_nets(Trainer *t);
/* ERR_INVALID: the sizes make no sense, or the network's weights do not fit all of them. */
bool trainer_check_sizes(const Trainer *t, Error *err);
/* Choose kernels for each smaller size that is left to train. */
bool trainer_prepare_sizes(Trainer *t, Error *err);

/* ---- trainer_kernels.c ---- */

/* Take what is known of kernels: of the checkpoint, then of a run to repeat, then of the cache. */
void trainer_load_kernels(Trainer *t);
/* Make all that the training will compute, which chooses a kernel where none is known. */
bool trainer_prepare(Trainer *t, Error *err);
/* ... and keep the measurements. */
bool trainer_choose_kernels(Trainer *t, Error *err);
