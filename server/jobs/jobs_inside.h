/* server/jobs/jobs_inside.h -- what the files of the jobs share. Nobody else includes this. */
#pragma once
#include <pthread.h>

#include "server/jobs/jobs.h"
#include "server/store/store.h"

/* A job that a worker is busy with. */
typedef struct LiveRun {
    int64_t job_id;
    bool stop;         // a client asks it to end
    bool checkpoint;   // a client, or SIGHUP, asks for a checkpoint
    double began;      // monotonic seconds
    double step_at;    // the last step, or what came after it, was done
    double last_sign;  // of life
    int64_t first_step;
    int64_t step, total_steps, epoch;
    double epoch_position, examples_per_second;
    double seconds_before;  // trained in earlier runs
    struct LiveRun *next;
} LiveRun;

struct Jobs {
    char *data;
    int max_jobs;
    Log *log;
    int lock_fd;
    Store *store;
    Events *notifier;

    // Below the store's locks, above the notifier's.
    pthread_mutex_t lock;
    pthread_cond_t work;    // something was queued, or the daemon leaves
    int64_t queue_changes;  // counts what may have made work
    bool leaving;
    LiveRun *runs;
    JobCounts counts;
};

/* Put the live figures of a running job over those of the store. */
void jobs_overlay(Jobs *jobs, JobInfo *job);

/* Queue again what a sudden death left running, and remove folders of jobs that are gone. */
bool jobs_recover(Jobs *jobs, Error *err);
