/* core/data/augment/draws.h -- the random numbers of one augmentation of one picture.
 *
 * They are a pure function of the seed, the use, the epoch and the index
 * (core/base/numbers/philox.h). Nothing has to be saved: a resume, another number of threads or
 * another batch size draws the same for a picture. Each use has its own numbers, so that switching
 * one on does not shift the others.
 */
#pragma once
#include <stdint.h>

#include "core/base/numbers/philox.h"

typedef struct {
    uint64_t seed;
    int64_t epoch;  // counted from 0
    int64_t index;  // of the example in its split; for a whole batch, of the batch in its epoch
} DrawKey;

typedef struct {
    PhiloxKey key;
    Philox counter;  // of the next block
    Philox block;
    int left;  // numbers of the block
} Draws;

/* `use` is the augmentation's name. */
Draws draws_new(const DrawKey *key, const char *use);

double draw_uniform(Draws *d);                         // [0, 1), 32 bits
double draw_between(Draws *d, const double range[2]);  // [range[0], range[1])
double draw_beta(Draws *d, double alpha);              // Beta(alpha, alpha); alpha > 0
/* 0 <= x < bound; bound >= 1. Each is as likely as the others but for bound / 2^32. */
int draw_below(Draws *d, int bound);
