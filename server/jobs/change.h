/* server/jobs/change.h -- one change of one job: read it, alter it, say so, and write it all at
 * once. Only the files of the jobs include this.
 *
 *     Change change;
 *     if (!change_begin(jobs, id, &change, err))
 *         return false;
 *     if (!change_status(&change, JOB_STOP, err))
 *         return change_drop(&change, err);
 *     return change_commit(&change, job, err);
 *
 * Between begin and commit the writer's lock of the store is held: no two changes mix.
 */
#pragma once
#include "server/jobs/job.h"
#include "server/jobs/jobs_private.h"

typedef struct {
    Jobs *jobs;
    JobInfo job;  // as it will be
    JobStatus before;
    int64_t last_event;  // that this change tells; 0: none
    bool removed;        // the row of the job has gone
} Change;

bool change_begin(Jobs *jobs, int64_t id, Change *change, Error *err);

/* The same for a job that is yet to be added: the caller fills change->job and adds it. */
bool change_begin_new(Jobs *jobs, Change *change, Error *err);

/* The data set that people brought, which the job is to train on, is there and ready. ERR_CONFLICT
 * with the reason "dataset_unavailable". */
bool change_check_dataset(Change *change, Error *err);

/* Whether the job has a checkpoint to go on from. */
bool change_has_checkpoint(const Change *change, bool *has, Error *err);

/* Move on to the status that the trigger leads to, and tell it. ERR_CONFLICT. */
bool change_status(Change *change, JobTrigger trigger, Error *err);

/* Tell something. Takes `data`, a JSON object from malloc. */
bool change_tell(Change *change, const char *type, char *data, Error *err);

/* Write everything, notify readers. *job, if not NULL, is the job as it is now. */
bool change_commit(Change *change, JobInfo *job, Error *err);

/* Leave everything as it was. Returns false. */
bool change_drop(Change *change, const Error *err);
