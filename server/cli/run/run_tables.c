#include "server/cli/run/run_tables.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"

static const char CURVE_HEADER[] = "step,epoch,loss,accuracy,learning_rate";

enum { CURVE_COLUMNS = 5, HEADER = 512 };

static void epochs_header(char header[HEADER])
{
    size_t at = 0;
    for (int i = 0; i < EPOCH_METRIC_COUNT; i++)
        at +=
            (size_t)snprintf(header + at, HEADER - at, "%s%s", i ? "," : "", EPOCH_METRICS[i].name);
}

bool run_tables_check(const char *dir, Error *err)
{
    char header[HEADER];
    epochs_header(header);
    char *epochs = xasprintf("%s/epochs.csv", dir), *curve = xasprintf("%s/curve.csv", dir);
    const bool ok = csv_check(epochs, header, err) && csv_check(curve, CURVE_HEADER, err);
    free(epochs);
    free(curve);
    return ok;
}

typedef struct {
    void (*row)(void *context, const EpochMetrics *row);
    void *context;
} EpochReader;

static void read_epoch(void *context, const double *values)
{
    const EpochReader *reader = context;
    EpochMetrics row;
    for (int i = 0; i < EPOCH_METRIC_COUNT; i++)
        epoch_metric_set(&row, &EPOCH_METRICS[i], values[i]);
    reader->row(reader->context, &row);
}

bool run_tables_open(const char *dir, const TrainState *state,
                     void (*row)(void *context, const EpochMetrics *row), void *context,
                     RunTables *t, Error *err)
{
    char header[HEADER];
    epochs_header(header);
    char *epochs = xasprintf("%s/epochs.csv", dir), *curve = xasprintf("%s/curve.csv", dir);
    EpochReader reader = {row, context};
    // state->epoch counts the epochs that were evaluated, even when the batches of one more are
    // done.
    const bool ok = csv_open(epochs, header, state ? state->epoch : -1, &t->epochs, err)
                    && csv_open(curve, CURVE_HEADER, state ? state->step : -1, &t->curve, err)
                    && csv_each(epochs, EPOCH_METRIC_COUNT, read_epoch, &reader, err);
    free(epochs);
    free(curve);
    return ok;
}

void run_tables_close(RunTables *t)
{
    csv_close(t->epochs);
    csv_close(t->curve);
    *t = (RunTables){0};
}

bool run_tables_point(RunTables *t, const TrainEvent *e, Error *err)
{
    const double row[CURVE_COLUMNS] = {(double)e->step, e->epoch_position, e->loss, e->accuracy,
                                       e->learning_rate};
    return csv_write(t->curve, row, CURVE_COLUMNS, err);
}

bool run_tables_epoch(RunTables *t, const EpochMetrics *row, Error *err)
{
    double values[EPOCH_METRIC_COUNT];
    for (int i = 0; i < EPOCH_METRIC_COUNT; i++)
        values[i] = epoch_metric_get(row, &EPOCH_METRICS[i]);
    return csv_write(t->epochs, values, EPOCH_METRIC_COUNT, err);
}
