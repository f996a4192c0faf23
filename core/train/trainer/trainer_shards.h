/* core/train/trainer/trainer_shards.h -- a training whose batches are cut into shards, over all
 * ranks. */
#pragma once
#include "core/train/trainer/trainer_private.h"

typedef struct Shards Shards;

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
