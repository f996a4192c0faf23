/* server/jobs/runs.h -- what a worker tells the jobs, and what they tell it.
 *
 * A worker takes a job and has a Run until it ends it. What a Run records is on disk when the call
 * returns. When the store cannot be written, because the disk is full, say, the call waits, with
 * the reason as the job's warning, and tries again until it can: a point is never lost in silence.
 * A call returns false when waiting is over or does not help:
 *
 *   ERR_STOPPED   the run was told to end, by a client or by the daemon that leaves, and not even
 *                 the reserve of space helped. End it as RUN_STOPPED, recording nothing more: it
 *                 goes on from its last checkpoint.
 *   ERR_DAMAGED   the store is damaged. End it as RUN_FAILED.
 *   ERR_CONFLICT  the job was taken from the worker.
 */
#pragma once
#include "core/train/trainer/trainer.h"
#include "server/jobs/jobs.h"

typedef struct Run Run;

/* Wait for a job to do, and make it running: rows beyond its last checkpoint are taken back. NULL
 * once the daemon leaves. */
Run *runs_take(Jobs *jobs);

const JobInfo *run_job(const Run *run);  // as it was taken
/* The steps of the checkpoints to go on from, the newest first; none: from the start. */
const int64_t *run_checkpoints(const Run *run, size_t *count);
/* The record of the kernels to compute with: the job's own, its parent's, or those of a job with
 * the same settings; NULL: none is known. */
const char *run_kernels(const Run *run);

/* Whether files of the job may be written, as stock_is_there: false with a sentence. */
bool run_may_write(const Run *run, Error *err);

/* A step was made, a part of one, or something after it: heartbeats. Cheap: nothing is written. */
typedef struct {
    const TrainEvent *event;
    int64_t examples;  // of the step
} RunStep;
void run_step(Run *run, RunStep step);
void run_part(Run *run);
void run_heartbeat(Run *run);
double run_seconds(const Run *run);  // trained in all, over restarts

/* What is asked of the run between this step and the next; read once per step. */
typedef struct {
    bool checkpoint;  // once, for each time it was asked for
    bool stop;        // a client asks, or the daemon leaves
} RunRequests;
/* Without `can_checkpoint` a request for a checkpoint waits: before the first step there is nothing
 * to save. */
RunRequests run_requests(Run *run, bool can_checkpoint);

/* Something of the run could not be written to disk, a checkpoint, say. True: the job's warning
 * says so and a moment has passed, try again, into a new file. False: do not, see above;
 * ERR_NO_SPACE and ERR_IO become ERR_STOPPED. The warning goes with the next thing that is
 * recorded. */
bool run_disk_failed(Run *run, Error *err);

/* It goes on from this checkpoint, because the newer ones are damaged: their rows go, and their
 * files are put aside. */
bool run_resumed(Run *run, int64_t step, Error *err);
/* Which weights were taken from the model that it starts from. */
bool run_initialized(Run *run, const TransferReport *report, Error *err);
bool run_record_kernels(Run *run, const char *kernels, Error *err);
bool run_environment(Run *run, const TrainState *state, Error *err);
bool run_point(Run *run, const PointRow *row, Error *err);
bool run_epoch(Run *run, const EpochMetrics *row, Error *err);
bool run_note(Run *run, const char *message, Error *err);
/* The same of what became of the result; `failed`: it stays with the job as its notice. */
bool run_result_note(Run *run, const char *message, bool failed, Error *err);

/* The files of a checkpoint are in place, and on disk. The newest `keep` of them stay, and the
 * best: with one, a checkpoint that turns out to be damaged leaves the best to go on from, or
 * nothing. */
bool run_checkpoint(Run *run, const CheckpointRow *row, int keep, Error *err);

/* Once it has succeeded its best checkpoint is to be evaluated, on the first n test examples; 0: on
 * all of them. */
void run_evaluate(Run *run, int example_limit);

typedef enum {
    RUN_SUCCEEDED,  // reason: "completed", "max_seconds", "early_stopping"
    RUN_FAILED,     // reason: the error's code; message
    RUN_STOPPED,    // it was told to; message: why its last checkpoint is not written, or ""
    RUN_LOST,  // what computed it is gone; message: how. It is queued again, or fails where that
               // has happened too often without a new checkpoint
} RunOutcome;

typedef struct {
    RunOutcome outcome;
    const char *reason;
    const char *message;
} RunEnd;

/* Record how it ended; the run is freed. A job that was stopped because the daemon leaves is
 * queued again. */
void run_end(Run *run, RunEnd end);

/* No new work is taken or accepted, and all runs are told to stop after their step. */
void jobs_leave(Jobs *jobs);
/* Give the jobs that still run back to the queue as they are: their workers were too slow. */
void jobs_abandon(Jobs *jobs);
void jobs_checkpoint_all(Jobs *jobs);
/* Seconds since the oldest heartbeat of a run; 0 when nothing runs. */
double jobs_silence(Jobs *jobs);
