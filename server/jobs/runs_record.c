/* server/jobs/runs_record.c -- what a run writes down: points, epochs, checkpoints, its end. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/memory.h"
#include "server/jobs/change.h"
#include "server/jobs/event_data.h"
#include "server/jobs/job_files.h"
#include "server/jobs/run_inside.h"

enum { RETRY_MS = 500 };  // between two tries to write

/* One try to write something of a run. */
typedef bool (*Record)(Change *change, const void *what, Error *err);

static bool record_once(Run *run, Record record, const void *what, Error *err)
{
    Change change;
    if (!change_begin(run->jobs, run->job.id, &change, err))
        return false;
    JobInfo *job = &change.job;
    if (job->status != JOB_RUNNING && job->status != JOB_STOPPING) {
        fail(err, ERR_CONFLICT, "the job has been taken from its worker");
        return change_drop(&change);
    }
    jobs_overlay(run->jobs, job);
    if (!record(&change, what, err))
        return change_drop(&change);
    return change_commit(&change, NULL, err);
}

static void pause_before_retry(void)
{
    const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
    nanosleep(&pause, NULL);
}

static bool told_to_stop(Run *run)
{
    pthread_mutex_lock(&run->jobs->lock);
    const bool stop = run->live.stop || run->jobs->leaving;
    pthread_mutex_unlock(&run->jobs->lock);
    return stop;
}

/* Only what the disk refused is worth another try. */
static bool record(Run *run, Record how, const void *what, Error *err)
{
    bool told = false;
    while (!record_once(run, how, what, err)) {
        if (err->code != ERR_IO || told_to_stop(run))
            return false;
        if (!told)
            LOG(run->jobs->log, LOG_ERROR, "training_waits", log_int("job", run->job.id),
                log_text("error", err->message));
        told = true;
        run_alive(run);
        pause_before_retry();
        *err = (Error){0};
    }
    return true;
}

static bool record_environment(Change *change, const void *what, Error *err)
{
    const TrainState *state = what;
    (void)err;
    JobInfo *job = &change->job;
    memcpy(job->environment.cpu_isa, state->cpu_isa, sizeof state->cpu_isa);
    memcpy(job->environment.onednn, state->onednn, sizeof state->onednn);
    memcpy(job->environment.version, state->version, sizeof state->version);
    job->environment.threads = state->threads;
    return true;
}

bool run_environment(Run *run, const TrainState *state, Error *err)
{
    return record(run, record_environment, state, err);
}

static bool record_point(Change *change, const void *what, Error *err)
{
    const PointRow *row = what;
    JobInfo *job = &change->job;
    job->latest.step = row->step;
    job->latest.loss = row->loss;
    job->latest.accuracy = row->accuracy;
    job->latest.learning_rate = row->learning_rate;
    return store_put_point(change->jobs->store, job->id, row, err)
           && change_tell(change, "point", event_point(row), err);
}

bool run_point(Run *run, const PointRow *row, Error *err)
{
    if (!record(run, record_point, row, err))
        return false;
    LOG(run->jobs->log, LOG_DEBUG, "point", log_int("job", run->job.id), log_int("step", row->step),
        log_real("loss", row->loss), log_real("accuracy", row->accuracy));
    return true;
}

static bool record_epoch(Change *change, const void *what, Error *err)
{
    const EpochRow *row = what;
    JobInfo *job = &change->job;
    job->latest.epoch = row->epoch;
    job->latest.test_loss = row->test_loss;
    job->latest.test_accuracy = row->test_accuracy;
    if (job->best.epoch == 0 || row->test_accuracy > job->best.test_accuracy) {
        job->best.epoch = row->epoch;
        job->best.test_accuracy = row->test_accuracy;
        job->best.checkpoint_step = 0;  // until it is written
    }
    return store_put_epoch(change->jobs->store, job->id, row, err)
           && change_tell(change, "epoch", event_epoch(row), err);
}

bool run_epoch(Run *run, const EpochRow *row, Error *err)
{
    if (!record(run, record_epoch, row, err))
        return false;
    pthread_mutex_lock(&run->jobs->lock);
    run->jobs->counts.epochs++;
    pthread_mutex_unlock(&run->jobs->lock);
    LOG(run->jobs->log, LOG_INFO, "epoch", log_int("job", run->job.id),
        log_int("epoch", row->epoch), log_int("step", row->step), log_real("loss", row->train_loss),
        log_real("accuracy", row->train_accuracy), log_real("test_accuracy", row->test_accuracy),
        log_real("examples_per_second", row->examples_per_second));
    return true;
}

static bool record_note(Change *change, const void *what, Error *err)
{
    return change_tell(change, "note", event_note(what), err);
}

bool run_note(Run *run, const char *message, Error *err)
{
    if (!record(run, record_note, message, err))
        return false;
    LOG(run->jobs->log, LOG_WARNING, "note", log_int("job", run->job.id),
        log_text("message", message));
    return true;
}

/* ---- Checkpoints ---- */

typedef struct {
    const CheckpointRow *row;
    int keep;
    int64_t *kept;  // steps
    size_t kept_count;
} Keeping;

/* The newest `keep` and the best; the rows of the others go. `list` is by step. */
static bool drop_older(Change *change, Keeping *k, const CheckpointList *list, Error *err)
{
    const JobInfo *job = &change->job;
    k->kept = xcalloc(list->count + 1, sizeof *k->kept);
    k->kept[0] = k->row->step;
    k->kept_count = 1;
    for (size_t i = list->count; i > 0; i--) {
        const int64_t step = list->items[i - 1].step;
        if (step == k->row->step)
            continue;
        if (k->kept_count < (size_t)k->keep || step == job->best.checkpoint_step)
            k->kept[k->kept_count++] = step;
        else if (!store_remove_checkpoint(change->jobs->store, job->id, step, err))
            return false;
    }
    return true;
}

static bool record_checkpoint(Change *change, const void *what, Error *err)
{
    Keeping *k = *(Keeping *const *)what;
    JobInfo *job = &change->job;
    CheckpointList before;
    free(k->kept);
    k->kept = NULL;
    if (!store_checkpoints(change->jobs->store, job->id, &before, err))
        return false;
    job->idle_restarts = 0;
    if (k->row->best)
        job->best.checkpoint_step = k->row->step;
    const bool ok = store_put_checkpoint(change->jobs->store, job->id, k->row, err)
                    && drop_older(change, k, &before, err)
                    && change_tell(change, "checkpoint", event_checkpoint(k->row), err);
    checkpoint_list_free(&before);
    return ok;
}

bool run_checkpoint(Run *run, const CheckpointRow *row, int keep, Error *err)
{
    Keeping keeping = {.row = row, .keep = keep}, *k = &keeping;
    const bool ok = record(run, record_checkpoint, &k, err);
    if (ok) {
        job_files_prune(run->jobs->data, run->job.id, k->kept, k->kept_count);
        pthread_mutex_lock(&run->jobs->lock);
        run->jobs->counts.checkpoints++;
        pthread_mutex_unlock(&run->jobs->lock);
        LOG(run->jobs->log, LOG_INFO, "checkpoint", log_int("job", run->job.id),
            log_int("step", row->step), log_int("bytes", row->bytes));
    }
    free(k->kept);
    return ok;
}

/* ---- The end ---- */

static bool record_end(Change *change, const void *what, Error *err)
{
    const RunEnd *end = what;
    JobInfo *job = &change->job;
    switch (end->outcome) {
    case RUN_SUCCEEDED:
        snprintf(job->stop_reason, sizeof job->stop_reason, "%s", end->reason);
        return change_status(change, JOB_SUCCEED, err);
    case RUN_FAILED:
        job->stop_reason[0] = '\0';
        snprintf(job->error.code, sizeof job->error.code, "%s", end->reason);
        snprintf(job->error.message, sizeof job->error.message, "%s", end->message);
        return change_status(change, JOB_FAIL, err);
    case RUN_STOPPED:
        break;
    }
    return change_status(change, job->status == JOB_STOPPING ? JOB_END : JOB_INTERRUPT, err);
}

void run_end(Run *run, RunEnd end)
{
    Error err = {0};
    // Told to stop or not, the end is worth waiting for; only a daemon that leaves cannot.
    while (!record(run, record_end, &end, &err)) {
        if (err.code != ERR_IO || jobs_leaving(run->jobs)) {
            LOG(run->jobs->log, LOG_ERROR, "end_not_recorded", log_int("job", run->job.id),
                log_text("error", err.message));
            break;
        }
        pause_before_retry();
        err = (Error){0};
    }
    run_free(run);
}
