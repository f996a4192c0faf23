/* core/kernels/channel_sums.h -- a feature map summed over all its pixels: the gradient of a bias.
 *
 * Sums are float32, first within each part of the pixels, then over the parts in order: equal bits
 * for an equal number of threads.
 */
#pragma once
#include "core/dnn/tensor.h"

/* Floats of working memory for a team of `threads`. */
size_t channel_sums_scratch(const Tensor *map, int threads);

/* sums[c] = sum of map over images and pixels, added to what is there. */
void channel_sums_add(float *sums, const Tensor *map, float *scratch);
