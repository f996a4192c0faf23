/* server/jobs/job_files.h -- where the files of jobs are, and how they go away.
 *
 *     DATA/lock                        held by the daemon that owns the folder
 *     DATA/store.db                    the store
 *     DATA/jobs/job_17/                one folder per job that has started
 *         training.safetensors         what the trainer writes; renamed to the next at once
 *         step_4690.training.safetensors   all that is needed to go on
 *         step_4690.model.safetensors      the model alone, for download
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "server/base/files.h"

Path job_folder(const char *data, int64_t id);
Path job_trainer_path(const char *data, int64_t id);
Path job_training_path(const char *data, int64_t id, int64_t step);
Path job_model_path(const char *data, int64_t id, int64_t step);

/* Put the training of `step` where the trainer looks for it, as a link or as a copy. ERR_IO. */
bool job_files_resume(const char *data, int64_t id, int64_t step, Error *err);

/* Remove the files of a job's checkpoints but for the steps to keep. What will not go is left. */
void job_files_prune(const char *data, int64_t id, const int64_t *keep, size_t count);
/* Remove the folders of jobs for which `exists` says no. */
void job_files_sweep(const char *data, bool (*exists)(void *context, int64_t id), void *context);
