/* server/jobs/files/job_files.h -- where the files of jobs are, and how they go.
 *
 *     DATA/lock                        held by the daemon that owns the folder
 *     DATA/store.db                    the store
 *     DATA/reserve                     space for a full disk (reserve.h)
 *     DATA/ids                         the highest ids given (high_water.h)
 *     DATA/lost+found/                 what the store does not know (lost_found.h)
 *     DATA/jobs/job_17/                one folder per job that has started
 *         init.safetensors             the model that it started from
 *         training.safetensors         what the trainer writes; renamed to the next at once
 *         step_4690.training.safetensors   all that is needed to go on
 *         step_4690.model.safetensors      the model alone, for download
 *         *.safetensors.tmp*           being written
 *
 * Only these files are ever deleted, and of the checkpoints only those that the store had and gave
 * up. All others are left, or moved to lost+found where they are in the way.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "server/base/files.h"
#include "server/base/log.h"

Path data_path(const char *data, const char *name);  // DATA/<name>
Path job_folder(const char *data, int64_t id);
Path job_trainer_path(const char *data, int64_t id);
Path job_init_path(const char *data, int64_t id);
Path job_training_path(const char *data, int64_t id, int64_t step);
Path job_model_path(const char *data, int64_t id, int64_t step);

/* The model at `path` is what a new job starts from: it lies in the job's folder from now on, on
 * disk, whatever becomes of `path`. ERR_NOT_FOUND: it is gone. */
bool job_files_begin(const char *data, int64_t id, const char *path, Error *err);

/* Delete the files of a checkpoint, or all of a job with its folder: what is not ours in it goes to
 * lost+found, or stays with the folder where that cannot be. True: ours are gone, or never were. */
bool job_files_remove_checkpoint(const char *data, int64_t id, int64_t step, Error *err);
bool job_files_remove(const char *data, int64_t id, Log *log, Error *err);

/* Clean the folder of a job up after a sudden death: unfinished files are deleted, those of
 * checkpoints that are not among `steps` go to lost+found. */
void job_files_settle(const char *data, int64_t id, const int64_t *steps, size_t count, Log *log);

/* Move the files of a checkpoint to lost+found. */
void job_files_set_aside(const char *data, int64_t id, int64_t step, Log *log);

/* Whether the files of a job that has some are out of reach and not deleted, as on a disk that is
 * not mounted yet: its folder is gone, and jobs/ holds none of any other job either. */
bool job_files_away(const char *data, int64_t id);

/* Which folder jobs/ is: another one once a disk that was mounted there is gone. */
typedef struct {
    uint64_t device, inode;  // both 0: it could not be looked at
} JobsFolder;

JobsFolder jobs_folder(const char *data);
bool jobs_folder_same(JobsFolder a, JobsFolder b);  // false where one could not be looked at

/* Call `visit` for each folder of a job that there is. */
void job_files_each(const char *data, void (*visit)(void *context, int64_t id), void *context);
