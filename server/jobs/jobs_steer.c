/* server/jobs/jobs_steer.c -- rename, stop, resume, checkpoint, delete.
 *
 * Stops and deletions must work when the disk is full: they are how an operator frees it. Where
 * one finds no space it is tried once more with the reserve's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/jobs/change.h"
#include "server/jobs/events/event_data.h"
#include "server/jobs/files/removal.h"
#include "server/jobs/files/stock.h"
#include "server/jobs/jobs_shared.h"

/* The job is already as it was asked to be: nothing is written. */
static bool leave_as_it_is(Change *change, JobInfo *job)
{
    store_rollback(change->jobs->store);
    if (!job) {
        job_info_free(&change->job);
        return true;
    }
    *job = change->job;
    jobs_overlay(change->jobs, job);
    return true;
}

bool jobs_edit(Jobs *jobs, int64_t id, JobVisitor edit, void *context, JobInfo *job, Error *err)
{
    Change change;
    if (!keeper_admits(jobs->keeper, err) || !change_begin(jobs, id, &change, err))
        return false;
    JobInfo shown = change.job;
    shown.metadata = xstrdup(change.job.metadata);
    jobs_overlay(jobs, &shown);
    const bool ok = edit(context, &shown, err);
    const bool same = strcmp(shown.name, change.job.name) == 0
                      && strcmp(shown.metadata, change.job.metadata) == 0;
    memcpy(change.job.name, shown.name, sizeof shown.name);
    free(change.job.metadata);
    change.job.metadata = shown.metadata;
    if (ok && same)
        return leave_as_it_is(&change, job);
    if (!ok || !change_tell(&change, "updated", event_updated(&change.job), err))
        return change_drop(&change, err);
    return change_commit(&change, job, err);
}

/* ---- Stop and resume ---- */

static bool has_worker(Jobs *jobs, int64_t id)
{
    pthread_mutex_lock(&jobs->lock);
    const bool has = jobs_find_run(jobs, id);
    pthread_mutex_unlock(&jobs->lock);
    return has;
}

static void ask_run_to_stop(Jobs *jobs, int64_t id)
{
    pthread_mutex_lock(&jobs->lock);
    ActiveRun *run = jobs_find_run(jobs, id);
    if (run)
        run->stop = true;
    pthread_mutex_unlock(&jobs->lock);
}

static bool stop_once(Jobs *jobs, int64_t id, JobInfo *job, bool *changed, Error *err)
{
    Change change;
    if (!change_begin(jobs, id, &change, err))
        return false;
    const JobStatus before = change.job.status;
    // A worker lists its run before it commits that the job runs, and leaves the list after the end
    // is committed. Between begin and here neither can happen: a running job without a run is one
    // whose end could not be recorded, and nobody else will end it.
    const bool deserted =
        (before == JOB_RUNNING || before == JOB_STOPPING) && !has_worker(jobs, id);
    *changed = before != JOB_STOPPED && (before != JOB_STOPPING || deserted);
    if (!*changed)
        return leave_as_it_is(&change, job);
    snprintf(change.job.stop_reason, sizeof change.job.stop_reason, "requested");
    if ((before != JOB_STOPPING && !change_status(&change, JOB_STOP, err))
        || (deserted && !change_status(&change, JOB_END, err)))
        return change_drop(&change, err);
    if (!change_commit(&change, job, err))
        return false;
    ask_run_to_stop(jobs, id);
    return true;
}

bool jobs_stop(Jobs *jobs, int64_t id, JobInfo *job, bool *changed, Error *err)
{
    bool unused;
    bool *const answer = changed ? changed : &unused;
    return stop_once(jobs, id, job, answer, err)
           || (jobs_make_room(jobs, err) && stop_once(jobs, id, job, answer, err));
}

/* A failed job goes on from its last checkpoint; without one it would only fail again. */
static bool check_can_go_on(Change *change, Error *err)
{
    bool has;
    if (change->job.status != JOB_FAILED)
        return true;
    if (!change_has_checkpoint(change, &has, err))
        return false;
    if (!has)
        return fail_as(err, ERR_CONFLICT, "no_checkpoint",
                       "cannot resume a failed job that has no checkpoint: clone it instead");
    return true;
}

bool jobs_resume(Jobs *jobs, int64_t id, JobInfo *job, bool *changed, Error *err)
{
    Change change;
    bool unused;
    if (!changed)
        changed = &unused;
    if (!change_begin(jobs, id, &change, err))
        return false;
    *changed = change.job.status != JOB_QUEUED && change.job.status != JOB_RUNNING;
    if (!*changed)
        return leave_as_it_is(&change, job);
    change.job.stop_reason[0] = '\0';
    change.job.error.code[0] = change.job.error.message[0] = '\0';
    change.job.idle_restarts = 0;
    if (!check_can_go_on(&change, err) || !change_check_dataset(&change, err)
        || !change_status(&change, JOB_RESUME, err) || !keeper_admits(jobs->keeper, err))
        return change_drop(&change, err);
    return change_commit(&change, job, err);
}

bool jobs_checkpoint(Jobs *jobs, int64_t id, JobInfo *job, bool *changed, Error *err)
{
    JobInfo now;
    if (!store_job(jobs->store, id, &now, err))
        return false;
    pthread_mutex_lock(&jobs->lock);
    ActiveRun *run = now.status == JOB_RUNNING ? jobs_find_run(jobs, id) : NULL;
    if (run)
        run->checkpoint = true;
    pthread_mutex_unlock(&jobs->lock);
    if (!run) {
        fail_as(err, ERR_CONFLICT, "job_is_not_running", "cannot checkpoint a job that is %s",
                JOB_STATUS_NAMES[now.status]);
        job_info_free(&now);
        return false;
    }
    jobs_overlay(jobs, &now);
    if (changed)
        *changed = true;
    if (job)
        *job = now;
    else
        job_info_free(&now);
    return true;
}

/* ---- Delete ---- */

enum { SLICES_AT_ONCE = 8 };

static bool check_deletion(Change *change, JobVisitor allow, void *context, Error *err)
{
    JobInfo shown = change->job;
    jobs_overlay(change->jobs, &shown);
    if (allow && !allow(context, &shown, err))
        return false;
    return !job_status_active(shown.status)
           || fail_as(err, ERR_CONFLICT, "job_is_active",
                      "cannot delete a job that is %s: stop it first",
                      JOB_STATUS_NAMES[shown.status]);
}

/* *away: why its files are out of reach, if they are. */
static bool delete_once(Jobs *jobs, int64_t id, JobVisitor allow, void *context, Error *away,
                        Error *err)
{
    Change change;
    int64_t oldest = 0;
    // As long as its row is there.
    const bool there = stock_is_there(jobs->store, jobs->data, STOCK_JOBS, away);
    if (!change_begin(jobs, id, &change, err))
        return false;
    if (!check_deletion(&change, allow, context, err))
        return change_drop(&change, err);
    change.removed = true;
    if (!store_remove_job(jobs->store, id, err)
        || !(there || store_remove_job_later(jobs->store, id, err))
        || !change_tell(&change, "deleted", xstrdup("{}"), err)
        || !store_prune_events(jobs->store, &oldest, err))
        return change_drop(&change, err);
    if (!change_commit(&change, NULL, err))
        return false;
    events_pruned(jobs->notifier, oldest);
    return true;
}

bool jobs_delete(Jobs *jobs, int64_t id, JobVisitor allow, void *context, Error *err)
{
    Error left = {0};
    if (!delete_once(jobs, id, allow, context, &left, err)
        && !(jobs_make_room(jobs, err) && delete_once(jobs, id, allow, context, &left, err)))
        return false;
    LOG(jobs->log, LOG_INFO, "job_deleted", log_int("job", id));
    if (left.code != ERR_NONE)
        LOG(jobs->log, LOG_WARNING, "files_away", log_int("job", id),
            log_text("error", left.message));
    // A client does not wait for half a million rows: the keeper removes them, and gives their
    // space back.
    bool done;
    if (!removal_of_job(jobs->data, jobs->store, id, SLICES_AT_ONCE, &done, jobs->log, &left))
        LOG(jobs->log, LOG_WARNING, "files_left", log_int("job", id),
            log_text("error", left.message));
    jobs_rows_removed(jobs);
    return true;
}
