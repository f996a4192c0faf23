/* DESIGN. The store is the truth: every call reads it, and every change is one transaction that
 * reads the job, alters it and tells an event (change.h). What is too quick for a disk, the step
 * that a running job is at, is kept beside it in a list of active runs and merged into the answers.
 *
 * A client's request to a running job (stop, checkpoint) is a flag in its active run, which the
 * worker reads once per step. The run is in the list before its job is seen as running, so no
 * request is lost.
 */
#include "server/jobs/jobs.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/files/lock.h"
#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/base/json/json_text.h"
#include "server/base/time.h"
#include "server/jobs/change.h"
#include "server/jobs/events/event_data.h"
#include "server/jobs/events/high_water.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/files/lost_found.h"
#include "server/jobs/files/reserve.h"
#include "server/jobs/files/stock.h"
#include "server/jobs/jobs_private.h"

/* ---- Open and close ---- */

enum { KEEPER_STOP_SECONDS = 5 };

static bool make_folders(const char *data, Error *err)
{
    char *inner = xasprintf("%s/jobs", data);
    const bool ok = folder_make_own(data, err) && folder_make_own(inner, err);
    free(inner);
    return ok;
}

/* One daemon per folder: the locks go with the process, however it ends. The folder itself is
 * locked as well: its file is easily taken for one that a death has left, and deleted. Not every
 * network's file system can do that. */
static bool lock_folder(Jobs *jobs, Error *err)
{
    char *path = xasprintf("%s/lock", jobs->data);
    jobs->lock_fd = lock_take(path, 0, err);
    free(path);
    Error folder = {0};
    if (jobs->lock_fd >= 0)
        jobs->folder_fd = lock_take(jobs->data, 0, &folder);
    if ((jobs->lock_fd < 0 && err->code == ERR_CONFLICT) || folder.code == ERR_CONFLICT)
        return fail(err, ERR_CONFLICT, "the data folder %s belongs to another running daemon",
                    jobs->data);
    return jobs->lock_fd >= 0;
}

/* A new life of the store, and ids above all that were ever given, whatever backup it is from. */
static bool begin_life(Jobs *jobs, Error *err)
{
    const HighWater mark = high_water_read(jobs->data);
    const int64_t found = lost_found_last(jobs->data, "jobs", job_id_parse);
    const int64_t last_job = found > mark.job ? found : mark.job;
    if (!store_begin(jobs->store, err))
        return false;
    // In this order: the lives before this one ended where the store says.
    if (store_begin_life(jobs->store, err)
        && store_raise_ids(jobs->store, last_job, mark.event, err))
        return store_commit(jobs->store, err);
    store_rollback(jobs->store);
    return false;
}

static bool open_store(Jobs *jobs, Error *err)
{
    return store_open(data_path(jobs->data, "store.db").text, &jobs->store, err)
           && folder_sync(jobs->data, err)  // the names of a new store and its folders
           && begin_life(jobs, err);
}

/* A start must not fail for a full disk: it is how one gets at the jobs to delete some. */
static bool open_store_with_reserve(Jobs *jobs, Error *err)
{
    if (open_store(jobs, err))
        return true;
    if (err->code != ERR_NO_SPACE)
        return false;
    store_close(jobs->store);
    jobs->store = NULL;
    reserve_release(jobs->data);
    LOG(jobs->log, LOG_WARNING, "reserve_given", log_text("error", err->message));
    *err = (Error){0};
    return open_store(jobs, err);
}

static bool open_events(Jobs *jobs, Error *err)
{
    EventRange range;
    LifeList lives;
    if (!store_event_range(jobs->store, &range, err) || !store_lives(jobs->store, &lives, err))
        return false;
    jobs->notifier = events_new(range, lives);
    return true;
}

static bool open_parts(Jobs *jobs, Error *err)
{
    if (!make_folders(jobs->data, err) || !lock_folder(jobs, err)
        || !open_store_with_reserve(jobs, err) || !open_events(jobs, err)
        || !store_count(jobs->store, jobs->counts.by_status, err))
        return false;
    const KeeperConfig keeper = {
        .data = jobs->data, .store = jobs->store, .events = jobs->notifier, .log = jobs->log};
    return keeper_start(&keeper, &jobs->keeper, err) && jobs_recover(jobs, err);
}

bool jobs_open(const JobsConfig *config, Jobs **out, Error *err)
{
    Jobs *jobs = xcalloc(1, sizeof *jobs);
    jobs->data = xstrdup(config->data);
    jobs->max_jobs = config->max_jobs;
    jobs->retry_ms = config->retry_ms > 0 ? config->retry_ms : 250;
    jobs->log = config->log;
    jobs->lock_fd = jobs->folder_fd = -1;
    pthread_mutex_init(&jobs->lock, NULL);
    work_signal_init(&jobs->work);
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
    if (!keeper_stop(jobs->keeper, KEEPER_STOP_SECONDS)) {
        LOG(jobs->log, LOG_WARNING, "left_at_the_disk", log_int("seconds", KEEPER_STOP_SECONDS));
        return;
    }
    store_close(jobs->store);
    events_free(jobs->notifier);
    if (jobs->folder_fd >= 0)
        close(jobs->folder_fd);
    if (jobs->lock_fd >= 0)
        close(jobs->lock_fd);
    work_signal_destroy(&jobs->work);
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
    job->settings = json_take_text(settings);
    job->metadata = spec->metadata ? cJSON_PrintUnformatted(spec->metadata) : xstrdup("{}");
    snprintf(job->name, sizeof job->name, "%s", spec->name);
}

static bool check_room(Jobs *jobs, Error *err)
{
    int64_t all = 0;
    if (work_signal_leaving(&jobs->work))
        return fail(err, ERR_STOPPED, "the daemon is shutting down and takes no new jobs");
    pthread_mutex_lock(&jobs->lock);
    for (int status = 0; status < JOB_STATUSES; status++)
        all += jobs->counts.by_status[status];
    pthread_mutex_unlock(&jobs->lock);
    if (all >= jobs->max_jobs)
        return fail_as(err, ERR_CONFLICT, "store_full",
                       "limits.jobs allows %d stored jobs and no more: delete some first",
                       jobs->max_jobs);
    return keeper_admits(jobs->keeper, err);
}

/* What came of the key before. ERR_CONFLICT if it was another request. */
static bool replay(Change *change, const JobRequest *request, bool *replayed, Error *err)
{
    Store *store = change->jobs->store;
    int64_t id = 0;
    const bool ok = store_find_key(store, KEY_OF_JOB, request->key, &id, err);
    *replayed = id > 0;
    return ok && (id == 0 || store_load_job(store, id, &change->job, err));
}

/* Within the change, so that the set cannot be deleted in between. */
static bool use_dataset(Change *change, const SpecSet *set, Error *err)
{
    JobInfo *job = &change->job;
    memcpy(job->dataset.name, set->name, sizeof job->dataset.name);
    memcpy(job->dataset.digest, set->digest, sizeof job->dataset.digest);
    job->dataset.id = set->id;
    return change_check_dataset(change, err);
}

/* The file that the job starts from becomes its own, if nobody has deleted it meanwhile. */
static bool take_init(const Jobs *jobs, int64_t id, const char *init, Error *err)
{
    if (!init
        || (stock_is_there(jobs->store, jobs->data, STOCK_JOBS, err)
            && job_files_begin(jobs->data, id, init, err)))
        return true;
    return err->code == ERR_NOT_FOUND
           && fail_as(err, ERR_NOT_FOUND, "source_not_found",
                      "what it was to start from has just been deleted");
}

static bool add(Change *change, const JobRequest *request, Error *err)
{
    Jobs *jobs = change->jobs;
    JobInfo *job = &change->job;
    describe(request->spec, job);
    job->created_at = time_now_ms();
    if (!store_queue_end(jobs->store, job->created_at, &job->queued_at, err)
        || !use_dataset(change, &request->spec->set, err))
        return false;
    if (request->parent_id > 0) {
        JobInfo parent = {0};
        if (!store_load_job(jobs->store, request->parent_id, &parent, err))
            return false;
        job_info_free(&parent);
        job->parent_id = request->parent_id;
    }
    return check_room(jobs, err) && store_add_job(jobs->store, job, err)
           && store_add_key(jobs->store, KEY_OF_JOB, request->key, job->id, err)
           && change_tell(change, "created", event_created(job), err)
           && take_init(jobs, job->id, request->init, err);
}

bool jobs_create(Jobs *jobs, const JobRequest *request, JobInfo *job, bool *replayed, Error *err)
{
    Change change;
    *replayed = false;
    if (!change_begin_new(jobs, &change, err))
        return false;
    if (!replay(&change, request, replayed, err))
        return change_drop(&change, err);
    if (*replayed) {
        store_rollback(jobs->store);
        *job = change.job;
        jobs_overlay(jobs, job);
        return true;
    }
    if (!add(&change, request, err)) {
        // Its id is given again.
        if (change.job.id > 0 && request->init)
            job_files_remove(jobs->data, change.job.id, jobs->log, NULL);
        return change_drop(&change, err);
    }
    const int64_t id = change.job.id;
    if (!change_commit(&change, job, err))
        return false;
    keeper_job_created(jobs->keeper, id);
    return true;
}
