#include "core/layers/softmax_loss.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* How many classes come before `label` when they are sorted by falling logit. */
static int rank_of(const float *logits, int classes, int label)
{
    int rank = 0;
    for (int k = 0; k < classes; k++)
        rank += logits[k] > logits[label] || (k < label && logits[k] == logits[label]);
    return rank;
}

/* The share of class k in the target of example n, smoothing left out. */
static double hard_target(const SoftmaxLoss *how, int label, int n, int k)
{
    if (!how->mixed_labels)
        return k == label;
    return (k == label ? how->share : 0) + (k == how->mixed_labels[n] ? 1 - how->share : 0);
}

/* -log p of the target, smoothing left out. */
static double hard_loss(const SoftmaxLoss *how, const float *logits, int label, int n,
                        double log_total)
{
    const double first = log_total - logits[label];
    if (!how->mixed_labels)
        return first;
    return how->share * first + (1 - how->share) * (log_total - logits[how->mixed_labels[n]]);
}

static void one_example(const SoftmaxLoss *how, const float *logits, int label, int n, float *diff,
                        Metrics *sum)
{
    const int classes = how->classes;
    float max = logits[0];
    for (int k = 1; k < classes; k++)
        max = logits[k] > max ? logits[k] : max;
    double total = 0;
    for (int k = 0; k < classes; k++)
        total += exp((double)logits[k] - max);
    const double log_total = log(total) + max;

    const double share = how->smoothing / classes;
    double loss = (1 - how->smoothing) * hard_loss(how, logits, label, n, log_total);
    for (int k = 0; how->smoothing > 0 && k < classes; k++)
        loss += share * (log_total - logits[k]);
    for (int k = 0; diff && k < classes; k++) {
        const double target = share + (1 - how->smoothing) * hard_target(how, label, n, k);
        diff[k] = (float)(how->scale * (exp((double)logits[k] - log_total) - target));
    }

    const int rank = rank_of(logits, classes, label);
    // A NaN compares false with everything and must not look like a hit.
    const bool valid = isfinite(loss);
    sum->loss += loss;
    sum->top1 += valid && rank < 1;
    sum->top5 += valid && rank < 5;
    sum->count++;
}

void softmax_loss(const SoftmaxLoss *how, const float *logits, const int32_t *labels, int count,
                  float *diff_logits, Metrics *sum)
{
    for (int n = 0; n < count; n++) {
        const size_t at = (size_t)n * (size_t)how->classes;
        one_example(how, logits + at, labels[n], n, diff_logits ? diff_logits + at : NULL, sum);
    }
}
