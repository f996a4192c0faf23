/* core/train/trainer/trainer_evaluate.h -- the figures of the model as it is. */
#pragma once
#include "core/train/trainer/trainer_private.h"

/* Evaluate the model as it is on the examples that are chosen by; unless stopped, the state knows
 * the figures, and whether they are the best so far. */
bool trainer_evaluate(Trainer *t, Error *err);
/* ... on the test split, which chooses nothing. */
bool trainer_test(Trainer *t, Error *err);
/* What trainer_evaluate has measured. */
double trainer_accuracy(const Trainer *t);
