/* core/train/trainer/trainer_step.h -- one update of the weights. */
#pragma once
#include "core/train/trainer/trainer_private.h"

/* Told by the network; the context is the Trainer. */
void trainer_grads_ready(void *context, size_t first, size_t count);
/* One step. Given up, with t->asked at TRAIN_STOP, if the callback says so in the middle. */
bool trainer_step(Trainer *t, Error *err);
/* Fails with ERR_NUMERIC. */
bool trainer_not_a_number(const char *what, double x, int64_t step, Error *err);
