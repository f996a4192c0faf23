/* core/train/optim/average.h -- a moving average of the parameters that are trained.
 *
 *   average = value                                   after the first update
 *   average = average + (1 - decay) * (value - average)   after each later one
 *
 * With warm-up the decay of the update after n averages is min(decay, (1 + n) / (10 + n)): a short
 * training forgets its beginning, too. Running statistics are not averaged: those of the training
 * serve both.
 *
 * Source   torch.optim.swa_utils.get_ema_multi_avg_fn; the warm-up: ExponentialMovingAverage of
 *          TensorFlow with num_updates.
 */
#pragma once
#include "core/dnn/params.h"

typedef struct {
    double decay;  // [0, 1); 0: there is no average
    bool warmup;
} Averaging;

/* The store's SLOT_AVERAGE, after `updates` updates, from 1. */
void average_update(const Averaging *how, int64_t updates, ParamStore *store);

/* Exchange values and average: twice is not at all. */
void average_swap(ParamStore *store);
