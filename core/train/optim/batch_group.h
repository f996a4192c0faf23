/* core/train/optim/batch_group.h -- the batches of one update: their gradients, as those of one
 * batch, and the norm of these.
 *
 * Gradients of a group are the sum of each batch's, weighted by its share of the group's examples:
 * those of the mean loss over all of them. In a group of equal batches that is PyTorch's
 * (loss / n).backward(). Layers that couple examples see each batch alone, as there.
 *
 * Everything is done range by range, as the backward pass completes the gradients
 * (NetConfig.grads_ready), while they are in the caches. Sums have a fixed order: the same bits on
 * any number of threads.
 *
 * Source   torch.nn.utils.clip_grad_norm_; Pascanu et al., "On the difficulty of training recurrent
 *          neural networks", 2013.
 */
#pragma once
#include "core/dnn/params.h"

typedef struct BatchGroup BatchGroup;

/* For a store, borrowed, of which `batches` make an update. `norm`: the norm is wanted.
 * ERR_NO_MEMORY. */
bool batch_group_new(ParamStore *store, int batches, bool norm, BatchGroup **group, Error *err);
void batch_group_free(BatchGroup *group);  // takes NULL

/* Arrays as long as the gradients that a group of so many batches needs. */
int batch_group_arrays(int batches);

/* A group of `examples` begins. */
void batch_group_begin(BatchGroup *group, int64_t examples);
/* Its next batch is computed next. */
void batch_group_next(BatchGroup *group, int examples);
/* Gradients [first, first + count) of this batch are complete. When those of the group's last batch
 * are, store->grads holds the group's. */
void batch_group_ready(BatchGroup *group, size_t first, size_t count);
/* The group is given up: what its batches have changed in the store, the running statistics, is as
 * it was when it began. */
void batch_group_give_up(BatchGroup *group);

/* Of the gradients, after the last batch. */
double batch_group_norm(const BatchGroup *group);

/* What gradients of this norm are multiplied by so that it is at most max_norm. */
double clip_scale(double max_norm, double norm);
