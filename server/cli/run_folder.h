/* server/cli/run_folder.h -- the folder that `googlenetd train` fills.
 *
 *   checkpoint.safetensors  everything needed to go on
 *   model.safetensors       the trained parameters, written at the end
 *   epochs.csv, curve.csv   a row per epoch, and per recorded step
 *   job.json                the settings, resolved
 *
 * One training at a time: the folder is locked while it is open.
 */
#pragma once
#include "core/train/trainer.h"
#include "server/cli/csv.h"
#include "server/jobs/spec.h"

typedef struct {
    char *dir, *checkpoint, *model, *epochs_csv, *curve_csv, *job_json;
    bool has_checkpoint;
    int lock;  // descriptor of the folder
    Csv *epochs, *curve;
} RunFolder;

/* A row of epochs.csv, column by column. */
typedef struct {
    double epoch, step;
    double train_loss, train_accuracy;
    double test_loss, test_accuracy, test_top5_accuracy;
    double learning_rate, examples_per_second, duration_seconds;
} EpochCsv;

/* Make the folder if it is not there, and lock it. ERR_CONFLICT: another training has it, or it has
 * a checkpoint and `resume` is false, or `spec` cannot go on from what is there. ERR_IO. The folder
 * is to be closed on failure too. */
bool run_folder_open(const char *dir, bool resume, const JobSpec *spec, RunFolder *folder,
                     Error *err);
void run_folder_close(RunFolder *folder);  // takes a zeroed one

/* Start the two tables, or cut them to what the checkpoint knows; `row` gets the epochs kept. */
bool run_folder_start(RunFolder *folder, const TrainState *state,
                      void (*row)(void *context, const EpochCsv *row), void *context, Error *err);

bool run_folder_point(RunFolder *folder, const TrainEvent *event, Error *err);
bool run_folder_epoch(RunFolder *folder, const EpochCsv *row, Error *err);

/* The row of a TRAIN_EPOCH event. */
EpochCsv epoch_row(const TrainEvent *event);
