#include "server/jobs/change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/time.h"
#include "server/jobs/events/event_data.h"
#include "server/jobs/jobs_shared.h"
#include "server/store/store_datasets.h"

bool change_begin_new(Jobs *jobs, Change *change, Error *err)
{
    *change = (Change){.jobs = jobs, .before = JOB_STATUSES};
    return jobs_begin(jobs, err);
}

bool change_begin(Jobs *jobs, int64_t id, Change *change, Error *err)
{
    if (!change_begin_new(jobs, change, err))
        return false;
    if (!store_load_job(jobs->store, id, &change->job, err))
        return change_drop(change, err);
    change->before = change->job.status;
    return true;
}

bool change_tell(Change *change, const char *type, char *data, Error *err)
{
    Event event = {.job_id = change->job.id, .time = time_now_ms(), .data = data};
    snprintf(event.type, sizeof event.type, "%s", type);
    const bool ok = store_add_event(change->jobs->store, &event, err);
    change->last_event = event.id;
    free(data);
    return ok;
}

bool change_check_dataset(Change *change, Error *err)
{
    const JobInfo *job = &change->job;
    DatasetRow set;
    Error gone = {0};
    if (job->dataset.id == 0)
        return true;
    if (!store_load_dataset(change->jobs->store, job->dataset.id, &set, &gone)) {
        if (gone.code == ERR_NOT_FOUND)
            return fail_as(err, ERR_CONFLICT, "dataset_unavailable",
                           "the data set %s, set_%lld, is gone", job->dataset.name,
                           (long long)job->dataset.id);
        *err = gone;
        return false;
    }
    const bool ready =
        set.status == DATASET_READY
        || fail_as(err, ERR_CONFLICT, "dataset_unavailable", "the data set %s, set_%lld, is %s",
                   set.name, (long long)set.id, DATASET_STATUS_NAMES[set.status]);
    dataset_row_free(&set);
    return ready;
}

bool change_status(Change *change, JobTrigger trigger, Error *err)
{
    JobInfo *job = &change->job;
    const JobStatus previous = job->status;
    if (!job_next_status(previous, trigger, &job->status, err))
        return false;
    // To the end of the queue; an interrupted job keeps its place.
    if (trigger == JOB_RESUME
        && !store_queue_end(change->jobs->store, time_now_ms(), &job->queued_at, err))
        return false;
    job->finished_at = job_status_active(job->status) ? 0 : time_now_ms();
    return change_tell(change, "status", event_status(job, previous), err);
}

/* Count, and wake the workers for what they may take. */
static void note_status(Change *change)
{
    Jobs *jobs = change->jobs;
    const JobInfo *job = &change->job;
    if (job->status == change->before && !change->removed)
        return;
    pthread_mutex_lock(&jobs->lock);
    if (change->before != JOB_STATUSES)
        jobs->counts.by_status[change->before]--;
    if (!change->removed)
        jobs->counts.by_status[job->status]++;
    if (!change->removed && !job_status_active(job->status))
        jobs->counts.finished[job->status]++;
    pthread_mutex_unlock(&jobs->lock);
    if (job->status == JOB_QUEUED)
        work_signal_wake(&jobs->work);
    if (change->before == JOB_STATUSES || change->removed)
        return;
    LOG(jobs->log, LOG_INFO, "job_status", log_int("job", job->id),
        log_text("status", JOB_STATUS_NAMES[job->status]),
        log_text("previous", JOB_STATUS_NAMES[change->before]), log_int("step", job->progress.step),
        log_text("error", job->error.message));
}

bool change_commit(Change *change, JobInfo *job, Error *err)
{
    Jobs *jobs = change->jobs;
    if (!change->removed
        && (!store_save_job(jobs->store, &change->job, err)
            || !store_queue_position(jobs->store, &change->job, err)))
        return change_drop(change, err);
    if (!jobs_commit(jobs, err)) {
        job_info_free(&change->job);
        return false;
    }
    note_status(change);
    if (change->last_event > 0)
        events_publish(jobs->notifier, change->last_event);
    if (job) {
        *job = change->job;
        jobs_overlay(jobs, job);
    } else {
        job_info_free(&change->job);
    }
    return true;
}

bool change_has_checkpoint(const Change *change, bool *has, Error *err)
{
    CheckpointList list;
    if (!store_checkpoints(change->jobs->store, change->job.id, &list, err))
        return false;
    *has = list.count > 0;
    checkpoint_list_free(&list);
    return true;
}

bool change_drop(Change *change, const Error *err)
{
    jobs_rollback(change->jobs, err);
    job_info_free(&change->job);
    return false;
}
