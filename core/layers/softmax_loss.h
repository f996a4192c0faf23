/* core/layers/softmax_loss.h -- softmax cross-entropy on the logits, with its gradient and the
 * hits.
 *
 *   p = softmax(logits[n])        q = (1 - smoothing) * t + smoothing / K
 *   t = onehot(labels[n]), or share * onehot(labels[n]) + (1 - share) * onehot(mixed_labels[n])
 *   loss[n] = -sum of q[k] * log p[k]
 *   diff_logits[n][k] = scale * (p[k] - q[k])
 *
 * Shapes    logits and diff_logits N x K, float32; labels N, 0 <= label < K.
 * Source    Szegedy et al. 2016, section 7 (smoothing); torch.nn.CrossEntropyLoss; Zhang et al.
 * 2018 (mixup): share * loss(labels) + (1 - share) * loss(mixed_labels), which is the same.
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
} SoftmaxLoss;

/* Adds the losses and hits of `count` examples to *sum. diff_logits may be NULL. An example counts
 * for top5 if fewer than five logits come before its label's; equal ones come in the order of the
 * classes. Of a mixed image labels[n] counts. */
void softmax_loss(const SoftmaxLoss *how, const float *logits, const int32_t *labels, int count,
                  float *diff_logits, Metrics *sum);
