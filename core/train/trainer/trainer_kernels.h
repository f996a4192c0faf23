/* core/train/trainer/trainer_kernels.h -- which kernels compute the training. */
#pragma once
#include "core/train/trainer/trainer_private.h"

/* Take what is known of kernels: of the checkpoint, then of a run to repeat, then of the cache. */
void trainer_load_kernels(Trainer *t);
/* Make all that the training will compute, which chooses a kernel where none is known. */
bool trainer_prepare(Trainer *t, Error *err);
/* ... and keep the measurements. */
bool trainer_choose_kernels(Trainer *t, Error *err);
