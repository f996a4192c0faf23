/* core/evaluate/flips.h -- test-time flips: an image and its mirror image, left for right, have an
 * equal say.
 *
 *   logits[n] = (net(images[n]) + net(mirrored(images[n]))) / 2
 *
 * It is the logits that are averaged, not the probabilities: p is then the geometric mean of both,
 * normalised, and whatever reads predictions needs to know nothing of it. Mirrored is what the
 * network sees, after resize and normalisation.
 *
 * Errors   ERR_NO_MEMORY; those of net_evaluate_batch.
 * Source   Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (airbench), which takes
 *          the mean of logits; Simonyan and Zisserman 2015, section 3.2, that of probabilities.
 */
#pragma once
#include "core/net/net.h"

typedef struct Flips Flips;

/* For batches of at most so many images of this shape. */
bool flips_new(Shape image, int classes, int batch_size, Flips **flips, Error *err);
void flips_free(Flips *flips);  // takes NULL

/* As net_evaluate_batch, with the averaged logits: losses and hits are theirs. batch->logits are
 * asked for. */
bool flips_evaluate_batch(Flips *flips, Net *net, const NetBatch *batch, Metrics *sum, Error *err);
