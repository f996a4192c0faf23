/* core/data/augment/mixup.h -- each image of a batch mixed with another one of it.
 *
 *   image[i] = share * image[i] + (1 - share) * image[partner[i]]
 *   loss[i]  = share * loss(label[i]) + (1 - share) * loss(label[partner[i]])
 *
 * One share for the batch, from Beta(alpha, alpha); the partners are a permutation of the batch.
 * Both depend on the seed, the epoch and the batch, and so on the batch size.
 *
 * Source   Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization", and its authors' code.
 */
#pragma once
#include <stddef.h>

#include "core/data/augment/draws.h"

/* Returns the share; fills `partners` for `count` images. `key->index` is that of the batch. */
double mixup_draw(double alpha, const DrawKey *key, int count, int32_t *partners);

/* Mixes `count` images of `floats` numbers in place, and uses `partners` up. `room` holds one
 * image. */
void mixup_images(float *images, size_t floats, int count, double share, int32_t *partners,
                  float *room);
