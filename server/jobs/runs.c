/* server/jobs/runs.c -- taking a job, and what its worker and the jobs tell each other. */
#include "server/jobs/runs.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/time.h"
#include "server/jobs/change.h"
#include "server/jobs/events/event_data.h"
#include "server/jobs/files/stock.h"
#include "server/jobs/runs_private.h"

/* ---- Taking a job ---- */

static void list_run(Run *run)
{
    Jobs *jobs = run->jobs;
    pthread_mutex_lock(&jobs->lock);
    run->active.next = jobs->runs;
    jobs->runs = &run->active;
    pthread_mutex_unlock(&jobs->lock);
}

static void unlist_run(Run *run)
{
    Jobs *jobs = run->jobs;
    pthread_mutex_lock(&jobs->lock);
    ActiveRun **place = &jobs->runs;
    while (*place && *place != &run->active)
        place = &(*place)->next;
    if (*place)
        *place = run->active.next;
    pthread_mutex_unlock(&jobs->lock);
}

void run_free(Run *run)
{
    unlist_run(run);
    job_info_free(&run->job);
    free(run->checkpoints);
    free(run->kernels);
    free(run->gone);
    free(run);
}

static bool list_checkpoints(Run *run, int64_t id, Error *err)
{
    CheckpointList list;
    if (!store_checkpoints(run->jobs->store, id, &list, err))
        return false;
    run->checkpoint_count = list.count;
    run->checkpoints = xcalloc(list.count + 1, sizeof *run->checkpoints);
    for (size_t i = 0; i < list.count; i++)
        run->checkpoints[i] = list.items[list.count - 1 - i].step;
    run->resume_step = run->checkpoints[0];  // 0: there is none
    checkpoint_list_free(&list);
    return true;
}

/* Back to a checkpoint: what lies beyond comes again. */
static bool rewind_job(Change *change, int64_t step, Error *err)
{
    JobInfo *job = &change->job;
    const bool again = job->started_at > 0;
    job->progress.step = step;
    job->progress.examples_per_second = 0;
    if (!again)
        job->started_at = time_now_ms();
    return !again
           || (store_rewind(change->jobs->store, job, step, err)
               && change_tell(change, "resumed", event_resumed(step), err));
}

/* Fill the run and the change for the job `id`. */
static bool prepare_run(Run *run, Change *change, int64_t id, Error *err)
{
    Store *store = run->jobs->store;
    if (!store_load_job(store, id, &change->job, err))
        return false;
    change->before = change->job.status;
    if (!change_status(change, JOB_START, err) || !list_checkpoints(run, id, err)
        || !store_kernels(store, id, &run->kernels, err)
        || !rewind_job(change, run->resume_step, err))
        return false;
    run->active.job_id = id;
    run->active.began = run->active.step_at = run->active.heartbeat_at = clock_seconds();
    run->active.step_time = time_now_ms();
    run->active.first_step = change->job.progress.step;
    run->active.seconds_before = change->job.progress.seconds;
    return true;
}

/* *run is NULL if nothing is queued. */
static bool take_next(Jobs *jobs, Run **out, Error *err)
{
    Change change;
    int64_t id = 0;
    *out = NULL;
    if (!keeper_admits(jobs->keeper, err) || !change_begin_new(jobs, &change, err))
        return false;
    if (!store_next_queued(jobs->store, &id, err) || id == 0) {
        change_drop(&change, err);
        return id == 0 && err->code == ERR_NONE;
    }
    Run *run = xcalloc(1, sizeof *run);
    run->jobs = jobs;
    if (!prepare_run(run, &change, id, err)) {
        change_drop(&change, err);
        run_free(run);
        return false;
    }
    // Before the commit: whoever sees the job as running finds its run.
    list_run(run);
    if (!change_commit(&change, &run->job, err)) {
        run_free(run);
        return false;
    }
    *out = run;
    return true;
}

Run *runs_take(Jobs *jobs)
{
    WorkWait wait = {.retry_seconds = 4e-3 * jobs->retry_ms};
    while (work_signal_wait(&jobs->work, &wait)) {
        Run *run;
        Error err = {0};
        if (take_next(jobs, &run, &err) && run)
            return run;
        if (work_wait_failed(&wait, &err))
            LOG(jobs->log, LOG_ERROR, "queue_waits", log_text("error", err.message));
    }
    return NULL;
}

const JobInfo *run_job(const Run *run)
{
    return &run->job;
}

const int64_t *run_checkpoints(const Run *run, size_t *count)
{
    *count = run->checkpoint_count;
    return run->checkpoints;
}

const char *run_kernels(const Run *run)
{
    return run->kernels;
}

bool run_may_write(const Run *run, Error *err)
{
    return stock_is_there(run->jobs->store, run->jobs->data, STOCK_JOBS, err);
}

/* ---- Steps and requests ---- */

void run_part(Run *run)
{
    pthread_mutex_lock(&run->jobs->lock);
    run->active.heartbeat_at = clock_seconds();
    pthread_mutex_unlock(&run->jobs->lock);
}

void run_heartbeat(Run *run)
{
    pthread_mutex_lock(&run->jobs->lock);
    run->active.step_at = run->active.heartbeat_at = clock_seconds();
    run->active.step_time = time_now_ms();
    pthread_mutex_unlock(&run->jobs->lock);
}

void run_step(Run *run, RunStep step)
{
    ActiveRun *active = &run->active;
    JobCounts *counts = &run->jobs->counts;
    const double now = clock_seconds();
    pthread_mutex_lock(&run->jobs->lock);
    counts->steps++;
    counts->examples += step.examples;
    counts->train_seconds += now - active->step_at;
    active->step_at = active->heartbeat_at = now;
    active->step_time = time_now_ms();
    active->step = step.event->step;
    active->total_steps = step.event->total_steps;
    active->epoch = step.event->epoch;
    active->epoch_position = step.event->epoch_position;
    active->examples_per_second = step.event->examples_per_second;
    pthread_mutex_unlock(&run->jobs->lock);
}

double run_seconds(const Run *run)
{
    return run->active.seconds_before + clock_seconds() - run->active.began;
}

RunRequests run_requests(Run *run, bool can_checkpoint)
{
    const bool leaving = work_signal_leaving(&run->jobs->work);
    pthread_mutex_lock(&run->jobs->lock);
    const RunRequests asked = {.checkpoint = run->active.checkpoint && can_checkpoint,
                               .stop = run->active.stop || leaving};
    if (can_checkpoint)
        run->active.checkpoint = false;
    pthread_mutex_unlock(&run->jobs->lock);
    return asked;
}

/* ---- All runs ---- */

enum { HURRY_SECONDS = 5 };  // that a leaving daemon gives a stalled disk

void jobs_leave(Jobs *jobs)
{
    work_signal_leave(&jobs->work);
    store_hurry(jobs->store, HURRY_SECONDS);
}

void jobs_checkpoint_all(Jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    for (ActiveRun *run = jobs->runs; run; run = run->next)
        run->checkpoint = true;
    pthread_mutex_unlock(&jobs->lock);
}

double jobs_silence(Jobs *jobs)
{
    const double now = clock_seconds();
    double silence = 0;
    pthread_mutex_lock(&jobs->lock);
    for (const ActiveRun *run = jobs->runs; run; run = run->next)
        silence = now - run->heartbeat_at > silence ? now - run->heartbeat_at : silence;
    pthread_mutex_unlock(&jobs->lock);
    return silence;
}

static bool abandon(Jobs *jobs, int64_t id, Error *err)
{
    Change change;
    if (!change_begin(jobs, id, &change, err))
        return false;
    if (!change_status(&change, JOB_INTERRUPT, err))
        return change_drop(&change, err);
    return change_commit(&change, NULL, err);
}

void jobs_abandon(Jobs *jobs)
{
    int64_t *ids = NULL;
    size_t count = 0;
    pthread_mutex_lock(&jobs->lock);
    for (const ActiveRun *run = jobs->runs; run; run = run->next) {
        ids = xrealloc(ids, count + 1, sizeof *ids);
        ids[count++] = run->job_id;
    }
    pthread_mutex_unlock(&jobs->lock);
    for (size_t i = 0; i < count; i++) {
        Error err = {0};
        if (!abandon(jobs, ids[i], &err) && err.code != ERR_CONFLICT)
            LOG(jobs->log, LOG_ERROR, "end_not_recorded", log_int("job", ids[i]),
                log_text("error", err.message));
    }
    free(ids);
}
