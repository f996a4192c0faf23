/* server/jobs/recover.c -- after a sudden death: jobs that ran are queued again.
 *
 * A job that dies again and again before it reaches a new checkpoint would take the daemon down
 * with it for ever; after three such restarts it is failed.
 */
#include <inttypes.h>
#include <stdio.h>

#include "server/jobs/change.h"
#include "server/jobs/event_data.h"
#include "server/jobs/job_files.h"

enum { MAX_IDLE_RESTARTS = 3 };

static bool give_up(Change *change, Error *err)
{
    JobInfo *job = &change->job;
    snprintf(job->error.code, sizeof job->error.code, "restarts");
    snprintf(job->error.message, sizeof job->error.message,
             "the daemon died %d times while this job ran, without a new checkpoint in between",
             MAX_IDLE_RESTARTS + 1);
    return change_status(change, JOB_FAIL, err);
}

static bool queue_again(Change *change, Error *err)
{
    JobInfo *job = &change->job;
    job->restart_count++;
    job->idle_restarts++;
    return change_tell(change, "note",
                       event_note("the daemon ended while this job ran; it goes on from its last "
                                  "checkpoint"),
                       err)
           && change_status(change, JOB_INTERRUPT, err);
}

static bool recover_job(Jobs *jobs, int64_t id, Error *err)
{
    Change change;
    if (!change_begin(jobs, id, &change, err))
        return false;
    bool ok;
    if (change.job.status == JOB_STOPPING)
        ok = change_status(&change, JOB_INTERRUPT, err);
    else if (change.job.idle_restarts >= MAX_IDLE_RESTARTS)
        ok = give_up(&change, err);
    else
        ok = queue_again(&change, err);
    if (!ok)
        return change_drop(&change);
    jobs->counts.restarts += change.job.status == JOB_QUEUED;
    return change_commit(&change, NULL, err);
}

static bool exists(void *context, int64_t id)
{
    Jobs *jobs = context;
    JobInfo job;
    Error err = {0};
    if (!store_job(jobs->store, id, &job, &err))
        return err.code != ERR_NOT_FOUND;
    job_info_free(&job);
    return true;
}

bool jobs_recover(Jobs *jobs, Error *err)
{
    const JobQuery ran = {.limit = 100, .statuses = 1u << JOB_RUNNING | 1u << JOB_STOPPING};
    JobList list;
    do {
        if (!store_jobs(jobs->store, &ran, &list, err))
            return false;
        bool ok = true;
        // From the oldest, so that the queue keeps its order.
        for (size_t i = list.count; ok && i > 0; i--)
            ok = recover_job(jobs, list.items[i - 1].id, err);
        const size_t count = list.count;
        job_list_free(&list);
        if (!ok)
            return false;
        if (count == 0)
            break;
    } while (true);
    job_files_sweep(jobs->data, exists, jobs);
    return true;
}
