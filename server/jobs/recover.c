/* server/jobs/recover.c -- after a sudden death, or with a store from a backup: jobs that ran are
 * queued again, deletions are finished, and files that the store does not know are put aside.
 *
 * A job that dies again and again before it reaches a new checkpoint would take the daemon down
 * with it for ever; after three such restarts it is failed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/jobs/change.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/files/lost_found.h"
#include "server/jobs/files/removal.h"
#include "server/jobs/restart.h"

static const Restart DAEMON_DIED = {
    .how = "the daemon ended while this job ran",
    .code = "restarts",
    .what = "the daemon died",
    .last = "",
};

static bool recover_once(Jobs *jobs, int64_t id, Error *err)
{
    Change change;
    if (!change_begin(jobs, id, &change, err))
        return false;
    bool ok;
    if (change.job.status == JOB_STOPPING)
        ok = change_status(&change, JOB_INTERRUPT, err);
    else
        ok = change_restart(&change, &DAEMON_DIED, err);
    if (!ok)
        return change_drop(&change, err);
    const bool again = change.job.status == JOB_QUEUED;
    if (!change_commit(&change, NULL, err))
        return false;
    jobs->counts.restarts += again;
    return true;
}

/* A start must not fail for a full disk: it is how one gets at the jobs to delete some. */
static bool recover_job(Jobs *jobs, int64_t id, Error *err)
{
    if (recover_once(jobs, id, err))
        return true;
    if (err->code != ERR_NO_SPACE)
        return false;
    keeper_release(jobs->keeper);
    *err = (Error){0};
    return recover_once(jobs, id, err);
}

static bool recover_jobs(Jobs *jobs, Error *err)
{
    const JobQuery ran = {.limit = 100, .statuses = 1u << JOB_RUNNING | 1u << JOB_STOPPING};
    for (size_t count = 1; count > 0;) {
        JobList list;
        if (!store_jobs(jobs->store, &ran, &list, err))
            return false;
        bool ok = true;
        // From the oldest, so that the queue keeps its order.
        for (size_t i = list.count; ok && i > 0; i--)
            ok = recover_job(jobs, list.items[i - 1].id, err);
        count = list.count;
        job_list_free(&list);
        if (!ok)
            return false;
    }
    return true;
}

/* ---- Files ---- */

/* What stands in the folder of a job, against what the store knows of it. */
static void settle_folder(void *context, int64_t id)
{
    Jobs *jobs = context;
    JobInfo job;
    CheckpointList list;
    Error err = {0};
    if (!store_job(jobs->store, id, &job, &err)) {
        char name[ID_TEXT];
        job_id_format(id, name);
        if (err.code == ERR_NOT_FOUND)
            lost_found_take(jobs->data, job_folder(jobs->data, id).text, name, jobs->log);
        return;
    }
    job_info_free(&job);
    if (!store_checkpoints(jobs->store, id, &list, &err))
        return;
    int64_t *steps = xcalloc(list.count + 1, sizeof *steps);
    for (size_t i = 0; i < list.count; i++)
        steps[i] = list.items[i].step;
    job_files_settle(jobs->data, id, steps, list.count, jobs->log);
    checkpoint_list_free(&list);
    free(steps);
}

bool jobs_recover(Jobs *jobs, Error *err)
{
    if (!recover_jobs(jobs, err))
        return false;
    // Before the folders are looked through: what is to be deleted is no longer known to the store.
    // A start does not wait for the rows of long jobs.
    const RemovalRules files_first = {.checkpoints = true, .rows_later = true};
    removals_finish(jobs->data, jobs->store, files_first, jobs->log, NULL);
    keeper_finish_removals(jobs->keeper);
    job_files_each(jobs->data, settle_folder, jobs);
    return true;
}
