/* core/train/trainer/trainer_start.h -- what a training begins with. */
#pragma once
#include "core/train/trainer/trainer_private.h"

/* The state before the first step, on this machine. */
TrainState trainer_fresh_state(const TrainConfig *config, int threads);

/* Weights, state and what the optimizer keeps: drawn by the seed, of a model file, or of the newest
 * checkpoint that can be read. ERR_INVALID: that is of another training. */
bool trainer_start(Trainer *t, Error *err);
