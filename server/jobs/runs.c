#include "server/jobs/runs.h"
#include "core/base/clock.h"

#include <stdlib.h>
#include <time.h>

#include "core/base/memory.h"
#include "server/base/time.h"
#include "server/jobs/change.h"
#include "server/jobs/event_data.h"
#include "server/jobs/run_inside.h"

/* ---- Taking a job ---- */

static void list_run(Run *run)
{
    Jobs *jobs = run->jobs;
    pthread_mutex_lock(&jobs->lock);
    run->live.next = jobs->runs;
    jobs->runs = &run->live;
    pthread_mutex_unlock(&jobs->lock);
}

static void unlist_run(Run *run)
{
    Jobs *jobs = run->jobs;
    pthread_mutex_lock(&jobs->lock);
    LiveRun **place = &jobs->runs;
    while (*place && *place != &run->live)
        place = &(*place)->next;
    if (*place)
        *place = run->live.next;
    pthread_mutex_unlock(&jobs->lock);
}

void run_free(Run *run)
{
    unlist_run(run);
    job_info_free(&run->job);
    free(run);
}

/* The newest checkpoint's step; 0: there is none. */
static bool last_checkpoint(Jobs *jobs, int64_t id, int64_t *step, Error *err)
{
    CheckpointList list;
    if (!store_checkpoints(jobs->store, id, &list, err))
        return false;
    *step = list.count > 0 ? list.items[list.count - 1].step : 0;
    checkpoint_list_free(&list);
    return true;
}

/* Back to the last checkpoint: what lies beyond comes again. */
static bool rewind_job(Change *change, int64_t *resume_step, Error *err)
{
    JobInfo *job = &change->job;
    if (!last_checkpoint(change->jobs, job->id, resume_step, err))
        return false;
    const int64_t step = *resume_step;
    const bool again = job->started_at > 0;
    job->progress.step = step;
    job->progress.examples_per_second = 0;
    if (!again)
        job->started_at = time_now_ms();
    return !again
           || (store_rewind(change->jobs->store, job, step, err)
               && change_tell(change, "resumed", event_resumed(step), err));
}

/* *run is NULL if nothing is queued. */
static bool take_next(Jobs *jobs, Run **out, Error *err)
{
    Change change;
    int64_t id = 0;
    *out = NULL;
    if (!change_begin_new(jobs, &change, err))
        return false;
    if (!store_next_queued(jobs->store, &id, err) || id == 0) {
        change_drop(&change);
        return id == 0 && err->code == ERR_NONE;
    }
    Run *run = xcalloc(1, sizeof *run);
    run->jobs = jobs;
    run->live.job_id = id;
    run->live.began = run->live.step_at = run->live.last_sign = clock_seconds();
    bool ok = store_load_job(jobs->store, id, &change.job, err);
    change.before = change.job.status;
    ok =
        ok && change_status(&change, JOB_START, err) && rewind_job(&change, &run->resume_step, err);
    if (!ok) {
        change_drop(&change);
        free(run);
        return false;
    }
    run->live.first_step = change.job.progress.step;
    run->live.seconds_before = change.job.progress.seconds;
    // Before the commit: whoever sees the job as running finds its run.
    list_run(run);
    if (!change_commit(&change, &run->job, err)) {
        run_free(run);
        return false;
    }
    *out = run;
    return true;
}

/* Wait until the queue has changed since `seen`, or `ms` have passed if that is above 0. False once
 * the daemon leaves. */
static bool wait_for_work(Jobs *jobs, int64_t *seen, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    int waited = 0;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->leaving && jobs->queue_changes == *seen && waited == 0) {
        if (ms > 0)
            waited = pthread_cond_timedwait(&jobs->work, &jobs->lock, &until);
        else
            pthread_cond_wait(&jobs->work, &jobs->lock);
    }
    *seen = jobs->queue_changes;
    const bool stay = !jobs->leaving;
    pthread_mutex_unlock(&jobs->lock);
    return stay;
}

Run *runs_take(Jobs *jobs)
{
    int64_t seen = -1;  // unlike any count: the first look at the queue does not wait
    int patience = 0;
    while (wait_for_work(jobs, &seen, patience)) {
        Run *run;
        Error err = {0};
        const bool ok = take_next(jobs, &run, &err);
        if (run)
            return run;
        patience = ok ? 0 : 5000;
        if (!ok)
            LOG(jobs->log, LOG_ERROR, "queue_unreadable", log_text("error", err.message));
    }
    return NULL;
}

Jobs *run_jobs(const Run *run)
{
    return run->jobs;
}

const JobInfo *run_job(const Run *run)
{
    return &run->job;
}

int64_t run_resume_step(const Run *run)
{
    return run->resume_step;
}

/* ---- Steps and wishes ---- */

void run_part(Run *run)
{
    pthread_mutex_lock(&run->jobs->lock);
    run->live.last_sign = clock_seconds();
    pthread_mutex_unlock(&run->jobs->lock);
}

void run_alive(Run *run)
{
    pthread_mutex_lock(&run->jobs->lock);
    run->live.step_at = run->live.last_sign = clock_seconds();
    pthread_mutex_unlock(&run->jobs->lock);
}

void run_step(Run *run, RunStep step)
{
    LiveRun *live = &run->live;
    JobCounts *counts = &run->jobs->counts;
    const double now = clock_seconds();
    pthread_mutex_lock(&run->jobs->lock);
    counts->steps++;
    counts->examples += step.examples;
    counts->train_seconds += now - live->step_at;
    live->step_at = live->last_sign = now;
    live->step = step.event->step;
    live->total_steps = step.event->total_steps;
    live->epoch = step.event->epoch;
    live->epoch_position = step.event->epoch_position;
    live->examples_per_second = step.event->examples_per_second;
    pthread_mutex_unlock(&run->jobs->lock);
}

double run_seconds(const Run *run)
{
    return run->live.seconds_before + clock_seconds() - run->live.began;
}

RunWish run_wish(Run *run)
{
    pthread_mutex_lock(&run->jobs->lock);
    const RunWish wish = {.checkpoint = run->live.checkpoint,
                          .stop = run->live.stop || run->jobs->leaving};
    run->live.checkpoint = false;
    pthread_mutex_unlock(&run->jobs->lock);
    return wish;
}

/* ---- All runs ---- */

bool jobs_leaving(Jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    const bool leaving = jobs->leaving;
    pthread_mutex_unlock(&jobs->lock);
    return leaving;
}

void jobs_leave(Jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->leaving = true;
    pthread_cond_broadcast(&jobs->work);
    pthread_mutex_unlock(&jobs->lock);
}

void jobs_checkpoint_all(Jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    for (LiveRun *run = jobs->runs; run; run = run->next)
        run->checkpoint = true;
    pthread_mutex_unlock(&jobs->lock);
}

double jobs_silence(Jobs *jobs)
{
    const double now = clock_seconds();
    double silence = 0;
    pthread_mutex_lock(&jobs->lock);
    for (const LiveRun *run = jobs->runs; run; run = run->next)
        silence = now - run->last_sign > silence ? now - run->last_sign : silence;
    pthread_mutex_unlock(&jobs->lock);
    return silence;
}

static bool abandon(Jobs *jobs, int64_t id, Error *err)
{
    Change change;
    if (!change_begin(jobs, id, &change, err))
        return false;
    if (!change_status(&change, JOB_INTERRUPT, err))
        return change_drop(&change);
    return change_commit(&change, NULL, err);
}

void jobs_abandon(Jobs *jobs)
{
    int64_t ids[64];
    int count = 0;
    pthread_mutex_lock(&jobs->lock);
    for (const LiveRun *run = jobs->runs; run && count < (int)COUNT(ids); run = run->next)
        ids[count++] = run->job_id;
    pthread_mutex_unlock(&jobs->lock);
    for (int i = 0; i < count; i++) {
        Error err = {0};
        if (!abandon(jobs, ids[i], &err) && err.code != ERR_CONFLICT)
            LOG(jobs->log, LOG_ERROR, "end_not_recorded", log_int("job", ids[i]),
                log_text("error", err.message));
    }
}
