/* server/jobs/jobs.h -- all jobs: create, look at, steer, delete.
 *
 * Every call may come from any thread. Answers are copies. A call that changes something returns
 * true once the change is on disk. While all cores train these calls take milliseconds: reading
 * never waits for writing, and neither waits for training.
 *
 * Lock order: store, jobs, events, log. No lock is held across training.
 *
 * Errors   ERR_NOT_FOUND: no such job or checkpoint. ERR_CONFLICT: the job's status, a limit or an
 *          idempotency key forbids it. ERR_IO: the store cannot be read or written. ERR_STOPPED:
 *          the daemon is shutting down and takes no new work.
 */
#pragma once
#include "server/base/files.h"
#include "server/base/log.h"
#include "server/jobs/events/events.h"
#include "server/settings/spec.h"
#include "server/store/rows.h"

typedef struct Jobs Jobs;

typedef struct {
    const char *data;  // folder; made if it is not there
    int max_jobs;      // stored at a time
    int retry_ms;      // between two tries to write what a disk did not take; 0 means 250
    Log *log;          // borrowed
} JobsConfig;

/* Opens the store and puts right what a sudden death left behind: jobs that ran are queued again.
 * The folder is locked against a second daemon until jobs_close (ERR_CONFLICT). */
bool jobs_open(const JobsConfig *config, Jobs **jobs, Error *err);
/* Takes NULL. Where a disk that does not answer holds up a thread of the jobs, everything is left
 * as it is and as it lies in memory: the process has to end. */
void jobs_close(Jobs *jobs);

Events *jobs_notifier(Jobs *jobs);

typedef struct {
    const JobSpec *spec;
    int64_t parent_id;  // the job it is cloned from; 0: none
    RequestKey key;
    const char *init;  // the file that spec->init_from stands for; NULL: none
} JobRequest;

/* What came of the key before, whatever has become of defaults, parents and data sets since: to be
 * asked before the request is looked at. ERR_CONFLICT: it came with another request. */
bool jobs_replay(Jobs *jobs, RequestKey key, JobInfo *job, bool *replayed, Error *err);

/* A job that starts from a model has its file from then on: ERR_NOT_FOUND (reason
 * "source_not_found") if it has just gone.
 * *replayed: the key was used before for the same request, and *job is what came of it.
 * ERR_CONFLICT: the key was used for another request, or the store is full. */
bool jobs_create(Jobs *jobs, const JobRequest *request, JobInfo *job, bool *replayed, Error *err);

bool jobs_list(Jobs *jobs, const JobQuery *query, JobList *list, Error *err);  // newest first
bool jobs_get(Jobs *jobs, int64_t id, JobInfo *job, Error *err);
bool jobs_exists(Jobs *jobs, int64_t id, Error *err);  // ERR_NOT_FOUND

/* Looks at a job inside the change that alters or deletes it, so that nothing comes between. *job
 * is as clients see it now. False leaves everything as it is; *err says why. */
typedef bool (*JobVisitor)(void *context, JobInfo *job, Error *err);

/* `edit` may give the job another name and other metadata, a JSON object of strings from malloc; if
 * both stay the same, nothing is written. `job` is the job afterwards, and may be NULL. */
bool jobs_edit(Jobs *jobs, int64_t id, JobVisitor edit, void *context, JobInfo *job, Error *err);

/* With its files. `allow` may be NULL. */
bool jobs_delete(Jobs *jobs, int64_t id, JobVisitor allow, void *context, Error *err);

/* Stop and resume may be repeated: asked for what already is, a stopping or stopped job and a
 * queued or running one, they answer true with *changed false. `changed` may be NULL.
 * jobs_checkpoint asks for one soon, and does not wait for it. */
bool jobs_stop(Jobs *jobs, int64_t id, JobInfo *job, bool *changed, Error *err);
bool jobs_resume(Jobs *jobs, int64_t id, JobInfo *job, bool *changed, Error *err);
bool jobs_checkpoint(Jobs *jobs, int64_t id, JobInfo *job, bool *changed, Error *err);

/* Rows in order. jobs_events with job_id 0 gives those of all jobs. */
bool jobs_epochs(Jobs *jobs, SeriesPage page, EpochList *list, Error *err);
bool jobs_curve(Jobs *jobs, SeriesPage page, PointList *list, Error *err);
bool jobs_events(Jobs *jobs, SeriesPage page, EventList *list, Error *err);
bool jobs_checkpoints(Jobs *jobs, int64_t id, CheckpointList *list, Error *err);

/* The model file of a checkpoint, as jobs_checkpoint_open finds it. */
bool jobs_checkpoint_find(Jobs *jobs, int64_t id, const char *which, CheckpointRow *checkpoint,
                          Path *path, Error *err);
/* Where the model is that a job started from. */
Path jobs_init_path(const Jobs *jobs, int64_t id);

/* Open the model file of a checkpoint for reading: `which` is "step_<n>", "latest" or "best". It
 * stays readable through *fd, which the caller closes, even when the file is deleted meanwhile. */
bool jobs_checkpoint_open(Jobs *jobs, int64_t id, const char *which, CheckpointRow *checkpoint,
                          int *fd, Error *err);

/* Counted since the daemon's start, but for by_status: the jobs that there are. */
typedef struct {
    int64_t by_status[JOB_STATUSES];
    int64_t steps, examples, epochs, checkpoints, restarts;
    int64_t finished[JOB_STATUSES];  // jobs that came into an ended status
    double train_seconds;
    double examples_per_second;  // of the running jobs together, now
} JobCounts;

JobCounts jobs_counts(Jobs *jobs);  // from memory

/* The speed of a job like this one, where one has been measured: SpeedRow.job_id is 0 if not. */
bool jobs_speed(Jobs *jobs, const SpeedQuery *query, SpeedRow *row, Error *err);

/* Whether jobs can be created and trained; else the reason. From memory: as of the last write, or
 * of the last look by another thread, which this call asks for. */
bool jobs_ready(Jobs *jobs, Error *err);
