#include "core/train/epoch_metrics.h"

#define WHOLE(member)                                                                              \
    {                                                                                              \
#member, offsetof(EpochMetrics, member), true                                              \
    }
#define REAL(member)                                                                               \
    {                                                                                              \
#member, offsetof(EpochMetrics, member), false                                             \
    }

const EpochMetric EPOCH_METRICS[EPOCH_METRIC_COUNT] = {
    WHOLE(epoch),
    WHOLE(step),
    REAL(train_loss),
    REAL(train_accuracy),
    REAL(validation_loss),
    REAL(validation_accuracy),
    REAL(test_loss),
    REAL(test_accuracy),
    REAL(test_top5_accuracy),
    REAL(learning_rate),
    REAL(examples_per_second),
    REAL(duration_seconds),
};

double epoch_metric_get(const EpochMetrics *metrics, const EpochMetric *field)
{
    const void *at = (const char *)metrics + field->offset;
    return field->whole ? (double)*(const int64_t *)at : *(const double *)at;
}

void epoch_metric_set(EpochMetrics *metrics, const EpochMetric *field, double value)
{
    void *at = (char *)metrics + field->offset;
    if (field->whole)
        *(int64_t *)at = (int64_t)value;
    else
        *(double *)at = value;
}
