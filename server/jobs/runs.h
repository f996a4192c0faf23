/* server/jobs/runs.h -- what a worker tells the jobs, and what they tell it.
 *
 * A worker takes a job and has a Run until it ends it. What a Run records is on disk when the call
 * returns. When the store cannot be written, because the disk is full, say, the call waits and
 * tries again until it can, or until the run is told to end: a point is never lost in silence.
 * Those calls return false, with the reason, only in that last case; the job then stays as the
 * store has it, and the next start of the daemon puts it right.
 */
#pragma once
#include "core/train/trainer.h"
#include "server/jobs/jobs.h"

typedef struct Run Run;

/* Wait for a job to do, and make it running: rows beyond its last checkpoint are taken back. NULL
 * once the daemon leaves. */
Run *runs_take(Jobs *jobs);

Jobs *run_jobs(const Run *run);
const JobInfo *run_job(const Run *run);  // as it was taken
/* The step of the checkpoint to go on from; 0: from the start. */
int64_t run_resume_step(const Run *run);

/* A step was made, or a part of one, or something after it. Cheap: nothing is written. */
typedef struct {
    const TrainEvent *event;
    int64_t examples;  // of the step
} RunStep;
void run_step(Run *run, RunStep step);
void run_part(Run *run);
void run_alive(Run *run);
double run_seconds(const Run *run);  // trained in all, over restarts

/* What the run shall do between this step and the next; read once per step. */
typedef struct {
    bool checkpoint;  // once, for each wish
    bool stop;        // a client wants it, or the daemon leaves
} RunWish;
RunWish run_wish(Run *run);

bool run_environment(Run *run, const TrainState *state, Error *err);
bool run_point(Run *run, const PointRow *row, Error *err);
bool run_epoch(Run *run, const EpochRow *row, Error *err);
bool run_note(Run *run, const char *message, Error *err);

/* The files of a checkpoint are in place. The oldest beyond `keep` go, the best stays. */
bool run_checkpoint(Run *run, const CheckpointRow *row, int keep, Error *err);

typedef enum {
    RUN_SUCCEEDED,  // reason: "completed", "max_seconds", "early_stopping"
    RUN_FAILED,     // reason: the error's code; message
    RUN_STOPPED,    // it was told to, and its checkpoint is written
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
/* Seconds since the most silent run gave a sign of life; 0 when nothing runs. */
double jobs_silence(Jobs *jobs);
