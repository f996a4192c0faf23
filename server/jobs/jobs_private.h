/* server/jobs/jobs_private.h -- what the files of the jobs share. Nobody else includes this. */
#pragma once
#include <pthread.h>

#include "server/base/threads/work_signal.h"
#include "server/jobs/jobs.h"
#include "server/jobs/keeper.h"
#include "server/store/store.h"

/* What the jobs know of a run while a worker is busy with it. */
typedef struct ActiveRun {
    int64_t job_id;
    bool stop;               // a client asks it to end
    bool checkpoint;         // a client, or SIGHUP, asks for a checkpoint
    double began;            // monotonic seconds
    double step_at;          // the last step, or what came after it, was done
    int64_t step_time;       // the same in milliseconds since 1970
    double heartbeat_at;     // the worker was seen at work
    char warning[JOB_TEXT];  // why it waits; "": it does not
    int64_t first_step;
    int64_t step, total_steps, epoch;
    double epoch_position, examples_per_second;
    double seconds_before;  // trained in earlier runs
    struct ActiveRun *next;
} ActiveRun;

struct Jobs {
    char *data;
    int max_jobs;
    int retry_ms;
    Log *log;
    int lock_fd, folder_fd;
    Store *store;
    Events *notifier;
    Keeper *keeper;
    struct {
        void (*wake)(void *context);  // NULL: there is none
        void *context;
    } evaluator;

    WorkSignal work;  // something was queued, or the daemon leaves

    // Below the store's locks, above the notifier's.
    pthread_mutex_t lock;
    ActiveRun *runs;
    JobCounts counts;  // by_status too: as of the last commit
};

/* Put the live figures of a running job over those of the store. */
void jobs_overlay(Jobs *jobs, JobInfo *job);

/* The run of a job, with jobs->lock held; NULL: no worker has it. */
ActiveRun *jobs_find_run(Jobs *jobs, int64_t id);

/* Put right what a sudden death or a restored backup left behind: jobs that ran are queued again,
 * deletions finished, files that the store does not know moved to lost+found, and ids raised above
 * all that were ever given. */
bool jobs_recover(Jobs *jobs, Error *err);
