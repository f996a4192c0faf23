/* server/jobs/runs_end.c -- how a run ends, and the evaluation that follows it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/jobs/events/event_data.h"
#include "server/jobs/restart.h"
#include "server/jobs/runs_private.h"
#include "server/store/store_evaluations.h"

/* The evaluation of its best checkpoint, which begins once all this is on disk. */
static bool add_evaluation(Change *change, const Run *run, Error *err)
{
    JobInfo *job = &change->job;
    Store *store = change->jobs->store;
    EvaluationRow row = {
        .metadata = xstrdup("{}"),
        .source = {.job_id = job->id, .step = job->best.checkpoint_step},
        .automatic = 1,
        .dataset = {.id = job->dataset.id},
        .split = "test",
        .example_limit = run->example_limit,
        .created_at = time_now_ms(),
    };
    memcpy(row.dataset.name, job->dataset.name, sizeof row.dataset.name);
    memcpy(row.dataset.digest, job->dataset.digest, sizeof row.dataset.digest);
    if (row.dataset.id > 0)
        dataset_id_format(row.dataset.id, row.dataset.key);
    else
        snprintf(row.dataset.key, sizeof row.dataset.key, "%.*s", DATASET_ID - 1, row.dataset.name);
    if (!store_add_evaluation(store, &row, err)) {
        evaluation_row_free(&row);
        return false;
    }
    job->evaluation_id = row.id;
    Event event = {.time = row.created_at,
                   .type = "evaluation",
                   .data = event_evaluation(&row, EVALUATION_STATUS_NAMES[row.status], NULL)};
    const bool ok = store_tell_evaluation(store, row.id, &event, err);
    free(event.data);
    evaluation_row_free(&row);
    return ok;
}

typedef struct {
    const Run *run;
    RunEnd how;
    bool *queued;  // whether it is, after it was recorded
} End;

static bool record_loss(Change *change, const End *end, Error *err)
{
    const char *how = end->how.message;
    const Restart restart = {.how = how, .code = "ranks", .what = "its ranks ended", .last = how};
    // A client's stop outlives its ranks.
    const bool ok = change->job.status == JOB_STOPPING ? change_status(change, JOB_INTERRUPT, err)
                                                       : change_restart(change, &restart, err);
    *end->queued = ok && change->job.status == JOB_QUEUED;
    return ok;
}

static bool record_end(Change *change, const void *what, Error *err)
{
    const Run *run = ((const End *)what)->run;
    const RunEnd *end = &((const End *)what)->how;
    JobInfo *job = &change->job;
    switch (end->outcome) {
    case RUN_SUCCEEDED:
        snprintf(job->stop_reason, sizeof job->stop_reason, "%s", end->reason);
        if (run->evaluate && job->best.checkpoint_step > 0 && !add_evaluation(change, run, err))
            return false;
        return change_status(change, JOB_SUCCEED, err);
    case RUN_FAILED:
        job->stop_reason[0] = '\0';
        snprintf(job->error.code, sizeof job->error.code, "%s", end->reason);
        snprintf(job->error.message, sizeof job->error.message, "%s", end->message);
        return change_status(change, JOB_FAIL, err);
    case RUN_LOST:
        return record_loss(change, what, err);
    case RUN_STOPPED:
        break;
    }
    if (end->message[0] && !change_tell(change, "note", event_note(end->message), err))
        return false;
    return change_status(change, job->status == JOB_STOPPING ? JOB_END : JOB_INTERRUPT, err);
}

void run_evaluate(Run *run, int example_limit)
{
    run->evaluate = true;
    run->example_limit = example_limit;
}

void run_end(Run *run, RunEnd how)
{
    bool queued = false;
    const End end = {run, how, &queued};
    Error err = {0};
    // Told to end or not, the end is worth waiting for; only a daemon that leaves cannot.
    while (!run_record(run, record_end, &end, &err)) {
        const bool later = run_may_work_later(err.code) || err.code == ERR_STOPPED;
        if (!later || work_signal_leaving(&run->jobs->work)) {
            LOG(run->jobs->log, LOG_ERROR, "end_not_recorded", log_int("job", run->job.id),
                log_text("error", err.message));
            break;
        }
        run->last_tries = 0;
        err = (Error){0};
    }
    Jobs *jobs = run->jobs;
    if (how.outcome == RUN_LOST && queued) {
        pthread_mutex_lock(&jobs->lock);
        jobs->counts.restarts++;
        pthread_mutex_unlock(&jobs->lock);
    }
    run_free(run);
    if (jobs->evaluator.wake)
        jobs->evaluator.wake(jobs->evaluator.context);
}
