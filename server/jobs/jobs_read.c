/* server/jobs/jobs_read.c -- looking at jobs: what the store has, and live figures over it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/jobs_private.h"
#include "server/jobs/jobs_shared.h"

/* When the job will be done if it goes on as fast as it has gone since it was started, with all its
 * evaluations and checkpoints. It stays the same between two steps, so that the job does too. */
static int64_t estimate_finish(const ActiveRun *run)
{
    const int64_t done = run->step - run->first_step, now = time_now_ms();
    if (done <= 0)
        return 0;
    const double per_step = (run->step_at - run->began) / (double)done;
    const double left = per_step * (double)(run->total_steps - run->step);
    const int64_t finish = run->step_time + (int64_t)(left * 1000);
    return finish > now ? finish : now;
}

ActiveRun *jobs_find_run(Jobs *jobs, int64_t id)
{
    ActiveRun *run = jobs->runs;
    while (run && run->job_id != id)
        run = run->next;
    return run;
}

static void overlay_run(JobInfo *job, const ActiveRun *run)
{
    memcpy(job->warning, run->warning, sizeof job->warning);
    if (run->step < job->progress.step || run->total_steps == 0)
        return;
    job->progress.step = run->step;
    job->progress.total_steps = run->total_steps;
    job->progress.epoch = run->epoch;
    job->progress.epoch_position = run->epoch_position;
    job->progress.examples_per_second = run->examples_per_second;
    job->progress.seconds = run->seconds_before + run->heartbeat_at - run->began;
    job->estimated_finish_at = estimate_finish(run);
}

void jobs_overlay(Jobs *jobs, JobInfo *job)
{
    Error fault = {0};
    if (!job_status_active(job->status))
        return;
    pthread_mutex_lock(&jobs->lock);
    const ActiveRun *run = jobs_find_run(jobs, job->id);
    if (run)
        overlay_run(job, run);
    else if (job->status != JOB_QUEUED)
        snprintf(job->warning, sizeof job->warning,
                 "no worker has this job any more, and its end could not be recorded: stop it");
    pthread_mutex_unlock(&jobs->lock);
    if (!job->warning[0] && !keeper_state(jobs->keeper, &fault))
        memcpy(job->warning, fault.message, sizeof job->warning);
}

bool jobs_list(Jobs *jobs, const JobQuery *query, JobList *list, Error *err)
{
    if (!store_jobs(jobs->store, query, list, err))
        return false;
    for (size_t i = 0; i < list->count; i++)
        jobs_overlay(jobs, &list->items[i]);
    return true;
}

bool jobs_get(Jobs *jobs, int64_t id, JobInfo *job, Error *err)
{
    if (!store_job(jobs->store, id, job, err))
        return false;
    jobs_overlay(jobs, job);
    return true;
}

bool jobs_replay(Jobs *jobs, RequestKey key, JobInfo *job, bool *replayed, Error *err)
{
    int64_t id;
    *replayed = false;
    if (!store_key(jobs->store, KEY_OF_JOB, key, &id, err))
        return false;
    return id == 0 || jobs_replay_found(jobs_get(jobs, id, job, err), replayed, err);
}

bool jobs_exists(Jobs *jobs, int64_t id, Error *err)
{
    return store_job_exists(jobs->store, id, err);
}

// A job is looked for after its rows have been read: they go once it has, and what is left of them
// then would look like all of them.

bool jobs_epochs(Jobs *jobs, SeriesPage page, EpochList *list, Error *err)
{
    if (!store_epochs(jobs->store, page, list, err))
        return false;
    if (jobs_exists(jobs, page.job_id, err))
        return true;
    epoch_list_free(list);
    return false;
}

bool jobs_curve(Jobs *jobs, SeriesPage page, PointList *list, Error *err)
{
    if (!store_points(jobs->store, page, list, err))
        return false;
    if (jobs_exists(jobs, page.job_id, err))
        return true;
    point_list_free(list);
    return false;
}

bool jobs_events(Jobs *jobs, SeriesPage page, EventList *list, Error *err)
{
    // Of a job that was deleted its last event is left, which readers of its events are to see. So
    // the job is looked for first: one that is deleted between the two reads has that event.
    Error gone = {0};
    const bool exists = page.job_id == 0 || jobs_exists(jobs, page.job_id, &gone);
    if (!store_events(jobs->store, page, list, err))
        return false;
    if (list->count == 0) {
        *err = exists ? *err : gone;
        return exists;
    }
    // Between a commit and its publication the store is ahead of what streams know; a reader that
    // comes back with what it has got here must not be taken for one of another store.
    events_publish(jobs->notifier, list->items[list->count - 1].id);
    return true;
}

bool jobs_checkpoints(Jobs *jobs, int64_t id, CheckpointList *list, Error *err)
{
    if (!store_checkpoints(jobs->store, id, list, err))
        return false;
    if (jobs_exists(jobs, id, err))
        return true;
    checkpoint_list_free(list);
    return false;
}

static bool matches(const CheckpointRow *row, const char *which)
{
    char id[ID_TEXT];
    checkpoint_id_format(row->step, id);
    return strcmp(which, id) == 0 || (row->latest && strcmp(which, "latest") == 0)
           || (row->best && strcmp(which, "best") == 0);
}

bool jobs_checkpoint_find(Jobs *jobs, int64_t id, const char *which, CheckpointRow *checkpoint,
                          Path *path, Error *err)
{
    CheckpointList list;
    if (!jobs_checkpoints(jobs, id, &list, err))
        return false;
    size_t i = 0;
    while (i < list.count && !matches(&list.items[i], which))
        i++;
    const bool found = i < list.count;
    if (found)
        *checkpoint = list.items[i];
    checkpoint_list_free(&list);
    if (!found)
        return fail_as(err, ERR_NOT_FOUND, "checkpoint_not_found",
                       "job_%lld has no checkpoint %.40s", (long long)id, which);
    *path = job_model_path(jobs->data, id, checkpoint->step);
    return true;
}

Path jobs_init_path(const Jobs *jobs, int64_t id)
{
    return job_init_path(jobs->data, id);
}

bool jobs_checkpoint_open(Jobs *jobs, int64_t id, const char *which, CheckpointRow *checkpoint,
                          int *fd, Error *err)
{
    Path path;
    if (!jobs_checkpoint_find(jobs, id, which, checkpoint, &path, err))
        return false;
    *fd = open(path.text, O_RDONLY | O_CLOEXEC);
    if (*fd >= 0)
        return true;
    // Between the row and here a newer checkpoint may have taken its place.
    return errno == ENOENT ? fail_as(err, ERR_NOT_FOUND, "checkpoint_not_found",
                                     "the checkpoint has just been replaced")
                           : fail(err, ERR_IO, "open %s: %s", path.text, strerror(errno));
}

JobCounts jobs_counts(Jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    JobCounts counts = jobs->counts;
    for (const ActiveRun *run = jobs->runs; run; run = run->next)
        counts.examples_per_second += run->examples_per_second;
    pthread_mutex_unlock(&jobs->lock);
    return counts;
}

bool jobs_ready(Jobs *jobs, Error *err)
{
    if (work_signal_leaving(&jobs->work))
        return fail(err, ERR_STOPPED, "the daemon is shutting down");
    pthread_mutex_lock(&jobs->lock);
    const ActiveRun *waits = jobs->runs;
    while (waits && !waits->warning[0])
        waits = waits->next;
    char id[ID_TEXT] = "", why[JOB_TEXT] = "";
    if (waits) {
        job_id_format(waits->job_id, id);
        memcpy(why, waits->warning, sizeof why);
    }
    pthread_mutex_unlock(&jobs->lock);
    if (!keeper_ready(jobs->keeper, err))
        return false;
    return !why[0] || fail(err, ERR_IO, "%s waits: %s", id, why);
}

bool jobs_speed(Jobs *jobs, const SpeedQuery *query, SpeedRow *row, Error *err)
{
    return store_speed(jobs->store, query, row, err);
}
