/* core/layers/softmax_loss.h -- softmax cross-entropy on the logits, with its gradient and the
 * hits.
 *
 *   p = softmax(logits[n])        w = weight_scale * class_weights, or 1
 *   t = w onehot(labels[n]), or with mixup, where v = mixed_scale * class_weights, or 1,
 *       share * w onehot(labels[n]) + (1 - share) * v onehot(mixed_labels[n]), and the w below is
 *       share * w + (1 - share) * v
 *   q[k] = (1 - smoothing) * t[k] + smoothing / K * w[k]
 *   loss[n] = -sum of q[k] * log p[k]
 *   diff_logits[n][k] = scale * (p[k] * sum of q - q[k])
 *
 * With scale = 1 / batch and weight_scale = batch / (sum of class_weights[labels[n]] over the
 * batch) the gradient is that of the weighted mean: the sum of weighted losses by the sum of
 * weights; with mixup that of both means, where mixed_scale is the same of mixed_labels.
 *
 * Shapes    logits and diff_logits N x K, float32; labels N, 0 <= label < K.
 * Source    Szegedy et al. 2016, section 7 (smoothing); torch.nn.CrossEntropyLoss, with `weight`
 *           and `label_smoothing`; Zhang et al. 2018 (mixup): share * loss(labels) + (1 - share) *
 *           loss(mixed_labels). Of a whole batch these are its labels in another order, of a part
 *           they are not.
 */
#pragma once
#include <stdint.h>

#include "core/base/metrics.h"

typedef struct {
    int classes;                  // K
    double smoothing;             // [0, 1)
    double scale;                 // 1 / batch, for a mean over the batch
    const int32_t *mixed_labels;  // of what was mixed into the images; NULL: nothing
    double share;                 // of `labels` then
    const double *class_weights;  // (K), at least 0; NULL: 1 each
    double weight_scale;          // softmax_weight_scale of the whole batch
    double mixed_scale;           // the same of its mixed labels, where there are any
    double *losses;               // (N), gets each example's; NULL: not asked
} SoftmaxLoss;

/* Adds the losses and hits of `count` examples to *sum. diff_logits may be NULL. An example counts
 * for top5 if fewer than five logits come before its label's; equal ones come in the order of the
 * classes. Of a mixed image labels[n] counts. Equal bits for any number of threads. */
void softmax_loss(const SoftmaxLoss *how, const float *logits, const int32_t *labels, int count,
                  float *diff_logits, Metrics *sum);

/* What makes the weights of a batch's examples 1 on average. */
double softmax_weight_scale(const double *class_weights, const int32_t *labels, int count);
