/* core/train/trainer/trainer_data.h -- which examples train, are held out and test, and their
 * loaders. */
#pragma once
#include "core/train/trainer/trainer_private.h"

/* Of a list of examples. */
typedef struct {
    int first, count;
} ExampleRange;

/* How many examples of a split take part. */
int trainer_examples(const Split *split, int limit);
/* Which examples of the training split train, and which are held out. */
bool trainer_hold_out(Trainer *t, Error *err);
/* The normalisation and the training's loader, from where the state is. */
bool trainer_open_data(Trainer *t, Error *err);
/* This rank's share of so many examples to evaluate on: whole batches, in the order of the ranks,
 * perhaps none. */
ExampleRange trainer_share(const Trainer *t, int examples, int rank);
/* The loader of this rank's share of the test split, at its beginning, when it is first needed. */
bool trainer_open_test(Trainer *t, Error *err);
bool trainer_open_validation(Trainer *t, Error *err);
