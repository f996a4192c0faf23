#include "core/layers/softmax_loss.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    BLOCK = 64,           // examples whose figures are kept before they are added up
    TEAM_FROM = 1 << 15,  // logits of a block that are worth a team of threads
};

/* What one example adds to the metrics. */
typedef struct {
    double loss;
    bool top1, top5;
} ExampleMetrics;

/* How many classes come before `label` when they are sorted by falling logit. */
static int rank_of(const float *logits, int classes, int label)
{
    int rank = 0;
    for (int k = 0; k < classes; k++)
        rank += logits[k] > logits[label] || (k < label && logits[k] == logits[label]);
    return rank;
}

static double weight_of(const SoftmaxLoss *how, double scale, int k)
{
    return how->class_weights ? scale * how->class_weights[k] : 1;
}

/* Of all classes, which smoothing looks at. */
static double smoothing_scale(const SoftmaxLoss *how)
{
    if (!how->mixed_labels)
        return how->weight_scale;
    return how->share * how->weight_scale + (1 - how->share) * how->mixed_scale;
}

/* An example's target: the weights of its label and of what was mixed in, smoothing left out. */
typedef struct {
    int label, mixed;  // classes
    double first, second;
} Target;

static Target target_of(const SoftmaxLoss *how, int label, int n)
{
    if (!how->mixed_labels)
        return (Target){label, label, weight_of(how, how->weight_scale, label), 0};
    const int mixed = how->mixed_labels[n];
    return (Target){label, mixed, how->share * weight_of(how, how->weight_scale, label),
                    (1 - how->share) * weight_of(how, how->mixed_scale, mixed)};
}

/* Adds what smoothing asks for to *loss, and returns the sum of the target over the classes. */
static double smooth(const SoftmaxLoss *how, const Target *t, const float *logits, double log_total,
                     double *loss)
{
    const double share = how->smoothing / how->classes, scale = smoothing_scale(how);
    double weights = 0;
    for (int k = 0; k < how->classes; k++) {
        const double weight = weight_of(how, scale, k);
        weights += weight;
        *loss += share * weight * (log_total - logits[k]);
    }
    return (1 - how->smoothing) * (t->first + t->second) + share * weights;
}

static void set_gradient(const SoftmaxLoss *how, const Target *t, const float *logits,
                         double log_total, double mass, float *diff)
{
    const double share = how->smoothing / how->classes, scale = smoothing_scale(how);
    for (int k = 0; k < how->classes; k++) {
        const double hard = (k == t->label ? t->first : 0) + (k == t->mixed ? t->second : 0);
        const double target = share * weight_of(how, scale, k) + (1 - how->smoothing) * hard;
        diff[k] = (float)(how->scale * (mass * exp((double)logits[k] - log_total) - target));
    }
}

static ExampleMetrics one_example(const SoftmaxLoss *how, const float *logits, int label, int n,
                                  float *diff)
{
    const int classes = how->classes;
    float max = logits[0];
    for (int k = 1; k < classes; k++)
        max = logits[k] > max ? logits[k] : max;
    double total = 0;
    for (int k = 0; k < classes; k++)
        total += exp((double)logits[k] - max);
    const double log_total = log(total) + max;

    const Target t = target_of(how, label, n);
    double loss = t.first * (log_total - logits[t.label]);
    if (how->mixed_labels)
        loss += t.second * (log_total - logits[t.mixed]);
    loss *= 1 - how->smoothing;
    // Without weights a target sums to 1, whatever rounding makes of it.
    double mass = how->class_weights ? t.first + t.second : 1;
    if (how->smoothing > 0) {
        const double smoothed = smooth(how, &t, logits, log_total, &loss);
        mass = how->class_weights ? smoothed : 1;
    }
    if (diff)
        set_gradient(how, &t, logits, log_total, mass, diff);

    const int rank = rank_of(logits, classes, label);
    // A NaN compares false with everything and must not look like a hit.
    const bool valid = isfinite(loss);
    return (ExampleMetrics){loss, valid && rank < 1, valid && rank < 5};
}

void softmax_loss(const SoftmaxLoss *how, const float *logits, const int32_t *labels, int count,
                  float *diff_logits, Metrics *sum)
{
    ExampleMetrics figures[BLOCK];
    for (int first = 0; first < count; first += BLOCK) {
        const int block = count - first < BLOCK ? count - first : BLOCK;
#pragma omp parallel for schedule(static) if ((int64_t)block * how->classes >= TEAM_FROM)
        for (int i = 0; i < block; i++) {
            const int n = first + i;
            const size_t at = (size_t)n * (size_t)how->classes;
            figures[i] =
                one_example(how, logits + at, labels[n], n, diff_logits ? diff_logits + at : NULL);
        }
        // In the order of the examples, however many threads there are.
        for (int i = 0; i < block; i++) {
            sum->loss += figures[i].loss;
            if (how->losses)
                how->losses[first + i] = figures[i].loss;
            sum->top1 += figures[i].top1;
            sum->top5 += figures[i].top5;
            sum->count++;
        }
    }
}

double softmax_weight_scale(const double *class_weights, const int32_t *labels, int count)
{
    double sum = 0;
    for (int n = 0; class_weights && n < count; n++)
        sum += class_weights[labels[n]];
    return sum > 0 ? count / sum : 1;
}
