/* core/kernels/batch_norm.h -- batch normalisation of feature maps: a pass over memory each for
 * statistics, values, sums of gradients, and gradients, the ReLU behind it included.
 *
 *   value         y[p][c] = (x[p][c] - mean[c]) * factor[c] + shift[c], with `relu` max(0, .)
 *   gradient      dx[p][c] = factor[c] * dy[p][c] + (x[p][c] - mean[c]) * slope[c] + offset[c]
 *                 where dy counts as 0 if `relu` and y is not above 0: y is computed again from x
 *
 * Shapes    maps of `pixels` of all images x channels, channels-last, all of one type. dst and
 *           diff_dst with any distance between pixels, the others dense.
 * Precision float32, or bfloat16 with all else in float32. Sums are float32 within a few hundred
 *           pixels of a thread, then double: equal bits for an equal number of threads. Statistics
 *           are those of the distance to the first pixel, so that a mean far from 0 costs no
 *           digits.
 * NaN       is not lost: the ReLU lets it through.
 */
#pragma once
#include "core/dnn/tensor.h"

/* What each channel is computed with. Arrays of batch_norm_padded(channels) floats. */
typedef struct {
    float *mean, *factor, *shift;
    float *slope, *offset;  // of the gradient
    bool relu;
} BatchNormTerms;

/* Channels rounded up to whole vectors. */
size_t batch_norm_padded(int channels);
/* Doubles of working memory for a team of `threads`. */
size_t batch_norm_scratch(int channels, int threads);

/* Mean and biased variance of each channel, padded arrays. */
void batch_norm_statistics(const Tensor *src, float *mean, float *variance, double *scratch);
void batch_norm_values(Tensor *dst, const Tensor *src, const BatchNormTerms *t);
/* sums[c] = sum of dy, products[c] = sum of dy * (x - mean), padded arrays. */
void batch_norm_grad_sums(const Tensor *diff_dst, const Tensor *src, const BatchNormTerms *t,
                          float *sums, float *products, double *scratch);
/* diff_src may be diff_dst. */
void batch_norm_grad(Tensor *diff_src, const Tensor *diff_dst, const Tensor *src,
                     const BatchNormTerms *t);
