/* core/base/metrics.h -- sums over examples, from which means are read.
 *
 * A sum, not a running mean: sums add up over micro-batches and batches, go into a checkpoint as
 * they are, and give bit-identical means after a resume.
 */
#pragma once
#include <stdint.h>

typedef struct {
    double loss;    // sum of the examples' losses
    int64_t top1;   // examples whose label has the largest logit
    int64_t top5;   // ... is among the five largest
    int64_t count;  // examples
} Metrics;

static inline void metrics_add(Metrics *sum, const Metrics *part)
{
    sum->loss += part->loss;
    sum->top1 += part->top1;
    sum->top5 += part->top5;
    sum->count += part->count;
}

static inline double metrics_loss(const Metrics *m)
{
    return m->count ? m->loss / (double)m->count : 0;
}

static inline double metrics_accuracy(const Metrics *m)
{
    return m->count ? (double)m->top1 / (double)m->count : 0;
}

static inline double metrics_top5_accuracy(const Metrics *m)
{
    return m->count ? (double)m->top5 / (double)m->count : 0;
}
