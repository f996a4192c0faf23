/* core/data/holdout.h -- which examples of the training split train, and which are held out to
 * choose by.
 *
 * Stratified: of each class the same share, rounded to the nearest whole number, is held out, drawn
 * by the seed; at least one example of each class stays. Both lists are in the stored order.
 */
#pragma once
#include "core/data/dataset.h"

typedef struct {
    int32_t *train;
    int32_t *validation;  // NULL without
    int train_count, validation_count;
} Holdout;

/* Of the first `count` examples; share 0: none is held out. ERR_INVALID: a share below 0 or above
 * 0.5, or one so small that none would be held out. Free it with holdout_free. */
bool holdout_new(const Split *split, int count, int classes, double share, uint64_t seed,
                 Holdout *holdout, Error *err);
void holdout_free(Holdout *holdout);
