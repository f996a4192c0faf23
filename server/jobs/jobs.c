/* DESIGN. The store is the truth: every call reads it, and every change is one transaction that
 * reads the job, alters it and tells an event (change.h). What is too quick for a disk, the step
 * that a running job is at, is kept beside it in a list of live runs and laid over the answers.
 *
 * A client's wish to a running job (stop, checkpoint) is a flag in its live run, which the worker
 * reads once per step. The run is in the list before its job is seen as running, so no wish is
 * lost.
 */
#include "server/jobs/jobs.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/lock.h"
#include "core/base/memory.h"
#include "server/base/time.h"
#include "server/jobs/change.h"
#include "server/jobs/event_data.h"
#include "server/jobs/job_files.h"
#include "server/jobs/jobs_inside.h"

/* ---- Open and close ---- */

static bool make_folders(const char *data, Error *err)
{
    char *inner = xasprintf("%s/jobs", data);
    const bool ok = folder_make(data, err) && folder_make(inner, err);
    free(inner);
    return ok;
}

/* One daemon per folder: the lock goes with the process, however it ends. */
static bool lock_folder(Jobs *jobs, Error *err)
{
    char *path = xasprintf("%s/lock", jobs->data);
    jobs->lock_fd = lock_take(path, 0, err);
    free(path);
    if (jobs->lock_fd < 0 && err->code == ERR_CONFLICT)
        return fail(err, ERR_CONFLICT, "the data folder %s belongs to another running daemon",
                    jobs->data);
    return jobs->lock_fd >= 0;
}

static bool open_parts(Jobs *jobs, Error *err)
{
    char *path = xasprintf("%s/store.db", jobs->data);
    EventRange range = {.oldest = 1};
    const bool ok = make_folders(jobs->data, err) && lock_folder(jobs, err)
                    && store_open(path, &jobs->store, err)
                    && store_event_range(jobs->store, &range, err);
    free(path);
    jobs->notifier = events_new(&range);
    return ok && jobs_recover(jobs, err);
}

bool jobs_open(const JobsConfig *config, Jobs **out, Error *err)
{
    Jobs *jobs = xcalloc(1, sizeof *jobs);
    jobs->data = xstrdup(config->data);
    jobs->max_jobs = config->max_jobs;
    jobs->log = config->log;
    jobs->lock_fd = -1;
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->work, NULL);
    *out = NULL;
    if (!open_parts(jobs, err)) {
        jobs_close(jobs);
        return false;
    }
    *out = jobs;
    return true;
}

void jobs_close(Jobs *jobs)
{
    if (!jobs)
        return;
    store_close(jobs->store);
    events_free(jobs->notifier);
    if (jobs->lock_fd >= 0)
        close(jobs->lock_fd);
    pthread_cond_destroy(&jobs->work);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs->data);
    free(jobs);
}

Events *jobs_notifier(Jobs *jobs)
{
    return jobs->notifier;
}

/* ---- Create ---- */

/* The settings as they are stored: all but name and metadata, which can change. */
static void describe(const JobSpec *spec, JobInfo *job)
{
    cJSON *settings = spec_to_json(spec);
    cJSON_DeleteItemFromObject(settings, "name");
    cJSON_DeleteItemFromObject(settings, "metadata");
    job->settings = cJSON_PrintUnformatted(settings);
    cJSON_Delete(settings);
    job->metadata = spec->metadata ? cJSON_PrintUnformatted(spec->metadata) : xstrdup("{}");
    snprintf(job->name, sizeof job->name, "%s", spec->name);
}

static bool check_room(Jobs *jobs, Error *err)
{
    int64_t by_status[JOB_STATUSES], all = 0;
    pthread_mutex_lock(&jobs->lock);
    const bool leaving = jobs->leaving;
    pthread_mutex_unlock(&jobs->lock);
    if (leaving)
        return fail(err, ERR_STOPPED, "the daemon is shutting down and takes no new jobs");
    if (!store_count(jobs->store, by_status, err))
        return false;
    for (int status = 0; status < JOB_STATUSES; status++)
        all += by_status[status];
    if (all >= jobs->max_jobs)
        return fail(err, ERR_CONFLICT, "the store holds %d jobs, its limit: delete some first",
                    jobs->max_jobs);
    return true;
}

/* What came of the key before. ERR_CONFLICT if it was another request. */
static bool replay(Change *change, const JobRequest *request, bool *replayed, Error *err)
{
    Store *store = change->jobs->store;
    char *before = NULL;
    int64_t id = 0;
    *replayed = false;
    if (!request->key)
        return true;
    bool ok = store_find_key(store, request->key, &before, &id, err);
    if (ok && id > 0) {
        *replayed = true;
        ok = job_request_same(before, request->request)
                 ? store_load_job(store, id, &change->job, err)
                 : fail_as(err, ERR_CONFLICT, "key_reused",
                           "the idempotency key %s was used before for another request",
                           request->key);
    }
    free(before);
    return ok;
}

static bool add(Change *change, const JobRequest *request, Error *err)
{
    Jobs *jobs = change->jobs;
    JobInfo *job = &change->job;
    describe(request->spec, job);
    job->created_at = job->queued_at = time_now_ms();
    if (request->parent_id > 0) {
        JobInfo parent = {0};
        if (!store_load_job(jobs->store, request->parent_id, &parent, err))
            return false;
        job_info_free(&parent);
        job->parent_id = request->parent_id;
    }
    change->before = JOB_STATUSES;  // none
    return check_room(jobs, err) && store_add_job(jobs->store, job, err)
           && (!request->key
               || store_add_key(jobs->store, request->key, request->request, job->id, err))
           && change_tell(change, "created", event_created(job), err);
}

bool jobs_create(Jobs *jobs, const JobRequest *request, JobInfo *job, bool *replayed, Error *err)
{
    Change change;
    *replayed = false;
    if (!change_begin_new(jobs, &change, err))
        return false;
    if (!replay(&change, request, replayed, err))
        return change_drop(&change);
    if (*replayed) {
        store_rollback(jobs->store);
        *job = change.job;
        jobs_overlay(jobs, job);
        return true;
    }
    if (!add(&change, request, err))
        return change_drop(&change);
    return change_commit(&change, job, err);
}

/* ---- Steer ---- */

bool jobs_patch(Jobs *jobs, int64_t id, JobPatch patch, JobInfo *job, Error *err)
{
    Change change;
    if (!change_begin(jobs, id, &change, err))
        return false;
    if (patch.name)
        snprintf(change.job.name, sizeof change.job.name, "%s", patch.name);
    if (patch.metadata) {
        free(change.job.metadata);
        change.job.metadata = xstrdup(patch.metadata);
    }
    if (!change_tell(&change, "updated", event_updated(&change.job), err))
        return change_drop(&change);
    return change_commit(&change, job, err);
}

static LiveRun *find_run(Jobs *jobs, int64_t id)
{
    LiveRun *run = jobs->runs;
    while (run && run->job_id != id)
        run = run->next;
    return run;
}

/* The job is already as it was asked to be: nothing is written. */
static bool leave_as_it_is(Change *change, JobInfo *job, bool *changed)
{
    store_rollback(change->jobs->store);
    if (changed)
        *changed = false;
    if (!job) {
        job_info_free(&change->job);
        return true;
    }
    *job = change->job;
    jobs_overlay(change->jobs, job);
    return true;
}

bool jobs_stop(Jobs *jobs, int64_t id, JobInfo *job, bool *changed, Error *err)
{
    Change change;
    if (!change_begin(jobs, id, &change, err))
        return false;
    if (change.job.status == JOB_STOPPING || change.job.status == JOB_STOPPED)
        return leave_as_it_is(&change, job, changed);
    snprintf(change.job.stop_reason, sizeof change.job.stop_reason, "requested");
    if (!change_status(&change, JOB_STOP, err))
        return change_drop(&change);
    if (!change_commit(&change, job, err))
        return false;
    pthread_mutex_lock(&jobs->lock);
    LiveRun *run = find_run(jobs, id);
    if (run)
        run->stop = true;
    pthread_mutex_unlock(&jobs->lock);
    if (changed)
        *changed = true;
    return true;
}

/* A failed job goes on from its last checkpoint; without one it would only fail again. */
static bool check_can_go_on(Change *change, Error *err)
{
    CheckpointList list = {0};
    if (change->job.status != JOB_FAILED)
        return true;
    if (!store_checkpoints(change->jobs->store, change->job.id, &list, err))
        return false;
    const size_t count = list.count;
    checkpoint_list_free(&list);
    if (count == 0)
        return fail(err, ERR_CONFLICT,
                    "cannot resume a failed job that has no checkpoint: clone it instead");
    return true;
}

bool jobs_resume(Jobs *jobs, int64_t id, JobInfo *job, bool *changed, Error *err)
{
    Change change;
    if (!change_begin(jobs, id, &change, err))
        return false;
    if (change.job.status == JOB_QUEUED || change.job.status == JOB_RUNNING)
        return leave_as_it_is(&change, job, changed);
    if (!check_can_go_on(&change, err))
        return change_drop(&change);
    change.job.stop_reason[0] = '\0';
    change.job.error.code[0] = change.job.error.message[0] = '\0';
    change.job.idle_restarts = 0;
    if (!change_status(&change, JOB_RESUME, err))
        return change_drop(&change);
    if (changed)
        *changed = true;
    return change_commit(&change, job, err);
}

bool jobs_checkpoint(Jobs *jobs, int64_t id, JobInfo *job, bool *changed, Error *err)
{
    JobInfo now;
    if (!store_job(jobs->store, id, &now, err))
        return false;
    pthread_mutex_lock(&jobs->lock);
    LiveRun *run = now.status == JOB_RUNNING ? find_run(jobs, id) : NULL;
    if (run)
        run->checkpoint = true;
    pthread_mutex_unlock(&jobs->lock);
    if (!run) {
        fail(err, ERR_CONFLICT, "cannot checkpoint a job that is %s", JOB_STATUS_NAMES[now.status]);
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

bool jobs_delete(Jobs *jobs, int64_t id, Error *err)
{
    Change change;
    if (!change_begin(jobs, id, &change, err))
        return false;
    if (job_status_active(change.job.status)) {
        fail(err, ERR_CONFLICT, "cannot delete a job that is %s: stop it first",
             JOB_STATUS_NAMES[change.job.status]);
        return change_drop(&change);
    }
    // The rows first: a folder without a row is swept up at the next start, the other way round a
    // job would have lost its files.
    if (!store_remove_job(jobs->store, id, err)
        || !change_tell(&change, "deleted", xstrdup("{}"), err))
        return change_drop(&change);
    if (!change_commit(&change, NULL, err))
        return false;
    LOG(jobs->log, LOG_INFO, "job_deleted", log_int("job", id));
    Error left = {0};
    if (!folder_remove(job_folder(jobs->data, id).text, &left))
        LOG(jobs->log, LOG_WARNING, "files_left", log_int("job", id),
            log_text("error", left.message));
    return true;
}
