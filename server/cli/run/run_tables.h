/* server/cli/run/run_tables.h -- the two tables of a run: epochs.csv and curve.csv.
 *
 * A row for each epoch, with the columns of EPOCH_METRICS, and one for each recorded step. A row is
 * on disk before a checkpoint of a later step is, and a resume cuts both tables to its checkpoint.
 */
#pragma once
#include "core/train/trainer/trainer.h"
#include "server/cli/run/csv.h"

typedef struct {
    Csv *epochs, *curve;
} RunTables;

/* ERR_INVALID: a file of one of these names is in `dir` and is none of ours. Changes nothing. */
bool run_tables_check(const char *dir, Error *err);

/* Start the tables, or cut them to `state` (NULL: the training starts anew); `row` gets the epochs
 * that were kept. ERR_IO, ERR_INVALID. */
bool run_tables_open(const char *dir, const TrainState *state,
                     void (*row)(void *context, const EpochMetrics *row), void *context,
                     RunTables *tables, Error *err);
void run_tables_close(RunTables *tables);  // takes a zeroed one

bool run_tables_point(RunTables *tables, const TrainEvent *event, Error *err);
bool run_tables_epoch(RunTables *tables, const EpochMetrics *row, Error *err);
