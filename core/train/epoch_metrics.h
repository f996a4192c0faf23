/* core/train/epoch_metrics.h -- the figures of an epoch, under the names that everybody uses.
 *
 * The API, the tables on disk and the database have one column for each row of EPOCH_METRICS.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int64_t epoch;  // from 1
    int64_t step;   // steps done at its end
    double train_loss, train_accuracy;
    double validation_loss, validation_accuracy;          // NaN: no examples are held out
    double test_loss, test_accuracy, test_top5_accuracy;  // NaN: not tested after this epoch
    double learning_rate;                                 // of its last step
    double examples_per_second;                           // training alone
    double duration_seconds;                              // training and evaluation
} EpochMetrics;

typedef struct {
    const char *name;  // "train_loss"
    size_t offset;     // in EpochMetrics
    bool whole;        // int64_t; else double
} EpochMetric;

enum { EPOCH_METRIC_COUNT = 12 };
extern const EpochMetric EPOCH_METRICS[EPOCH_METRIC_COUNT];

/* A field by its row; every int64_t of an epoch is exact as a double. */
double epoch_metric_get(const EpochMetrics *metrics, const EpochMetric *field);
void epoch_metric_set(EpochMetrics *metrics, const EpochMetric *field, double value);
