/* server/cli/run/run_folder.h -- the folder that `googlenetd train` fills.
 *
 *   checkpoint.safetensors           everything needed to go on
 *   checkpoint.previous.safetensors  the one before, for when the newest is damaged
 *   best.safetensors                 the parameters with the best test accuracy
 *   model.safetensors                the trained parameters, written at the end
 *   epochs.csv, curve.csv            a row per epoch, and per recorded step
 *   job.json                         the settings, resolved
 *   kernels.txt                      which kernel computed what: a repeat uses the same
 *
 * One training at a time: the folder is locked while it is open. Nothing in it is changed before
 * run_folder_begin.
 *
 * A new checkpoint is written as checkpoint.new.safetensors, then the names move on: whenever the
 * program dies, the newest whole one is among the three.
 */
#pragma once
#include "core/train/trainer/trainer.h"
#include "server/settings/spec.h"

enum { RUN_CHECKPOINTS = 3 };

typedef struct {
    char *dir, *model, *best, *job_json, *kernels;
    char *checkpoints[RUN_CHECKPOINTS];  // the newest first: new, current, previous
    bool has_checkpoint;
    char *changes;          // spec_changes since its last start; NULL: none
    bool dataset_moved;     // since then, by its path: the digest must say that it is the same
    bool current_is_whole;  // checkpoint.safetensors may become the previous one
    int lock;               // descriptor of the folder
    size_t made;            // bytes of `dir` that name the outermost folder made for it; 0: none
} RunFolder;

/* Make the folder if it is not there, and lock it. ERR_CONFLICT: another training has it, or it has
 * a checkpoint and `resume` is false, or `spec` cannot go on from what is there, or it has a model
 * and no checkpoint. ERR_IO. The folder is to be closed on failure too. */
bool run_folder_open(const char *dir, bool resume, const JobSpec *spec, RunFolder *folder,
                     Error *err);
/* Takes a zeroed one. Of the folders that were made, those that are still empty go: a training that
 * is refused leaves nothing. */
void run_folder_close(RunFolder *folder);

/* The training is made and will begin: write the settings, unless all is `done` by others that
 * stand there. `resumed` is the checkpoint that it goes on from; NULL: it starts anew. */
bool run_folder_begin(RunFolder *folder, const JobSpec *spec, const char *resumed, bool done,
                      Error *err);

/* Where the trainer writes its checkpoints; after each run_folder_checkpoint. */
const char *run_folder_checkpoint_path(const RunFolder *folder);
bool run_folder_checkpoint(RunFolder *folder, Error *err);

/* Write the record of kernels. */
bool run_folder_kernels(RunFolder *folder, const char *record, Error *err);
