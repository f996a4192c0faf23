/* server/jobs/runs_record.c -- what a run writes down: points, epochs, checkpoints, its end. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/time.h"
#include "server/jobs/change.h"
#include "server/jobs/events/event_data.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/restart.h"
#include "server/jobs/runs_private.h"

/* DESIGN. What cannot be written is kept in memory and tried again: training waits, and the job's
 * warning says why. A run that is told to end meanwhile may use the reserve of space; where that
 * does not help either, it ends without what it could not write, and goes on later from its last
 * checkpoint. Nothing is ever recorded beyond a gap. */

enum { LAST_TRIES = 4 };  // of a run that was told to end

/* One try to write something of a run. */
typedef bool (*Record)(Change *change, const void *what, Error *err);

static bool told_to_end(Run *run)
{
    pthread_mutex_lock(&run->jobs->lock);
    const bool stop = run->active.stop;
    pthread_mutex_unlock(&run->jobs->lock);
    return stop || work_signal_leaving(&run->jobs->work);
}

static bool record_once(Run *run, Record record, const void *what, Error *err)
{
    Change change;
    if ((!told_to_end(run) && !keeper_admits(run->jobs->keeper, err))
        || !change_begin(run->jobs, run->job.id, &change, err))
        return false;
    JobInfo *job = &change.job;
    if (job->status != JOB_RUNNING && job->status != JOB_STOPPING) {
        fail(err, ERR_CONFLICT, "the job has been taken from its worker");
        return change_drop(&change, err);
    }
    jobs_overlay(run->jobs, job);
    if (!record(&change, what, err))
        return change_drop(&change, err);
    return change_commit(&change, NULL, err);
}

static bool may_work_later(ErrorCode code)
{
    return code == ERR_IO || code == ERR_NO_SPACE || code == ERR_NO_MEMORY;
}

static void set_warning(Run *run, const char *warning)
{
    pthread_mutex_lock(&run->jobs->lock);
    snprintf(run->active.warning, sizeof run->active.warning, "%s", warning);
    pthread_mutex_unlock(&run->jobs->lock);
}

static void pause_before_retry(const Run *run)
{
    const int ms = run->jobs->retry_ms;
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&pause, NULL);
}

bool run_disk_failed(Run *run, Error *err)
{
    if (!may_work_later(err->code))
        return false;
    if (run->waits_since == 0) {
        run->waits_since = clock_seconds();
        LOG(run->jobs->log, LOG_ERROR, "training_waits", log_int("job", run->job.id),
            log_text("error", err->message));
    }
    set_warning(run, err->message);
    if (told_to_end(run)) {
        if (run->last_tries++ >= LAST_TRIES) {
            err->code = ERR_STOPPED;
            return fail_in(err, "ended without the newest steps, which could not be written");
        }
        if (err->code == ERR_NO_SPACE)
            keeper_release(run->jobs->keeper);
    }
    run_heartbeat(run);
    pause_before_retry(run);
    *err = (Error){0};
    return true;
}

static bool record_note(Change *change, const void *what, Error *err)
{
    return change_tell(change, "note", event_note(what), err);
}

/* The disk works again: say so, to those who read the events too. */
static void stop_waiting(Run *run)
{
    char message[JOB_TEXT + 64], why[JOB_TEXT];
    if (run->waits_since == 0)
        return;
    const double seconds = clock_seconds() - run->waits_since;
    run->waits_since = 0;
    run->last_tries = 0;
    pthread_mutex_lock(&run->jobs->lock);
    memcpy(why, run->active.warning, sizeof why);
    run->active.warning[0] = '\0';
    pthread_mutex_unlock(&run->jobs->lock);
    snprintf(message, sizeof message, "training waited for %.1f s: %s", seconds, why);
    LOG(run->jobs->log, LOG_INFO, "training_goes_on", log_int("job", run->job.id),
        log_real("seconds", seconds));
    Error unimportant = {0};
    record_once(run, record_note, message, &unimportant);
}

static bool record(Run *run, Record how, const void *what, Error *err)
{
    while (!record_once(run, how, what, err)) {
        if (!run_disk_failed(run, err))
            return false;
    }
    stop_waiting(run);
    return true;
}

static bool record_environment(Change *change, const void *what, Error *err)
{
    const TrainState *state = what;
    (void)err;
    JobInfo *job = &change->job;
    memcpy(job->environment.cpu, state->cpu, sizeof state->cpu);
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
    const EpochMetrics *row = what;
    JobInfo *job = &change->job;
    job->latest.epoch = row->epoch;
    job->latest.validation_loss = row->validation_loss;
    job->latest.validation_accuracy = row->validation_accuracy;
    job->latest.test_loss = row->test_loss;
    job->latest.test_accuracy = row->test_accuracy;
    const bool held_out = !isnan(row->validation_accuracy);
    const bool better = held_out ? row->validation_accuracy > job->best.validation_accuracy
                                 : row->test_accuracy > job->best.test_accuracy;
    if (job->best.epoch == 0 || better) {
        job->best.epoch = row->epoch;
        job->best.validation_accuracy = row->validation_accuracy;
        job->best.test_accuracy = row->test_accuracy;
        job->best.checkpoint_step = 0;  // until it is written
    }
    return store_put_epoch(change->jobs->store, job->id, row, err)
           && change_tell(change, "epoch", event_epoch(row), err);
}

bool run_epoch(Run *run, const EpochMetrics *row, Error *err)
{
    if (!record(run, record_epoch, row, err))
        return false;
    const bool held_out = !isnan(row->validation_accuracy);
    pthread_mutex_lock(&run->jobs->lock);
    run->jobs->counts.epochs++;
    pthread_mutex_unlock(&run->jobs->lock);
    LOG(run->jobs->log, LOG_INFO, "epoch", log_int("job", run->job.id),
        log_int("epoch", row->epoch), log_int("step", row->step), log_real("loss", row->train_loss),
        log_real("accuracy", row->train_accuracy),
        log_real(held_out ? "validation_accuracy" : "test_accuracy",
                 held_out ? row->validation_accuracy : row->test_accuracy),
        log_real("examples_per_second", row->examples_per_second));
    return true;
}

bool run_note(Run *run, const char *message, Error *err)
{
    if (!record(run, record_note, message, err))
        return false;
    LOG(run->jobs->log, LOG_WARNING, "note", log_int("job", run->job.id),
        log_text("message", message));
    return true;
}

typedef struct {
    const char *message;
    bool failed;
} ResultNote;

static bool record_result_note(Change *change, const void *what, Error *err)
{
    const ResultNote *note = what;
    JobInfo *job = &change->job;
    snprintf(job->notice, sizeof job->notice, "%s", note->failed ? note->message : "");
    return change_tell(change, "note", event_note(note->message), err);
}

bool run_result_note(Run *run, const char *message, bool failed, Error *err)
{
    if (!record(run, record_result_note, &(ResultNote){message, failed}, err))
        return false;
    LOG(run->jobs->log, failed ? LOG_WARNING : LOG_INFO, "note", log_int("job", run->job.id),
        log_text("message", message));
    return true;
}

/* ---- Checkpoints ---- */

typedef struct {
    Run *run;
    const CheckpointRow *row;
    int keep;
    int64_t *dropped;  // steps
    size_t dropped_count;
} Keeping;

/* The newest `keep` and the best stay, and the rows of the others go. `list` is by step. */
static bool drop_older(Change *change, Keeping *k, const CheckpointList *list, Error *err)
{
    const JobInfo *job = &change->job;
    int kept = 1;  // the new one
    k->dropped = xcalloc(list->count + 1, sizeof *k->dropped);
    for (size_t i = list->count; i > 0; i--) {
        const int64_t step = list->items[i - 1].step;
        if (step == k->row->step)
            continue;
        if (kept++ < k->keep || step == job->best.checkpoint_step)
            continue;
        if (!store_remove_checkpoint(change->jobs->store, job->id, step, err))
            return false;
        k->dropped[k->dropped_count++] = step;
    }
    return true;
}

/* Those that went with the checkpoint before this one have nothing left to remove. */
static bool forget_gone(Change *change, const Run *run, Error *err)
{
    for (size_t i = 0; i < run->gone_count; i++) {
        if (!store_removed(change->jobs->store, change->job.id, run->gone[i], err))
            return false;
    }
    return true;
}

static bool record_checkpoint(Change *change, const void *what, Error *err)
{
    Keeping *k = *(Keeping *const *)what;
    JobInfo *job = &change->job;
    CheckpointList before;
    free(k->dropped);
    k->dropped = NULL;
    k->dropped_count = 0;
    if (!store_checkpoints(change->jobs->store, job->id, &before, err))
        return false;
    job->idle_restarts = 0;
    if (k->row->best)
        job->best.checkpoint_step = k->row->step;
    const bool ok = forget_gone(change, k->run, err)
                    && store_put_checkpoint(change->jobs->store, job->id, k->row, err)
                    && drop_older(change, k, &before, err)
                    && change_tell(change, "checkpoint", event_checkpoint(k->row), err);
    checkpoint_list_free(&before);
    return ok;
}

/* The rows are gone, and on disk: now the files. What stays is removed at the next start. */
static void remove_dropped(Run *run, Keeping *k)
{
    size_t count = 0;
    for (size_t i = 0; i < k->dropped_count; i++) {
        Error err = {0};
        if (job_files_remove_checkpoint(run->jobs->data, run->job.id, k->dropped[i], &err))
            k->dropped[count++] = k->dropped[i];
        else
            LOG(run->jobs->log, LOG_WARNING, "files_left", log_int("job", run->job.id),
                log_text("error", err.message));
    }
    free(run->gone);
    run->gone = k->dropped;
    run->gone_count = count;
    k->dropped = NULL;
}

bool run_checkpoint(Run *run, const CheckpointRow *row, int keep, Error *err)
{
    Keeping keeping = {.run = run, .row = row, .keep = keep}, *k = &keeping;
    const bool ok = record(run, record_checkpoint, &k, err);
    if (ok) {
        remove_dropped(run, k);
        pthread_mutex_lock(&run->jobs->lock);
        run->jobs->counts.checkpoints++;
        pthread_mutex_unlock(&run->jobs->lock);
        LOG(run->jobs->log, LOG_INFO, "checkpoint", log_int("job", run->job.id),
            log_int("step", row->step), log_int("bytes", row->bytes));
    }
    free(k->dropped);
    return ok;
}

/* ---- Where it goes on, and with what ---- */

static bool record_resumed(Change *change, const void *what, Error *err)
{
    const int64_t *step = what;
    change->job.progress.step = *step;
    return store_rewind(change->jobs->store, &change->job, *step, err)
           && change_tell(change, "resumed", event_resumed(*step), err);
}

bool run_resumed(Run *run, int64_t step, Error *err)
{
    if (step == run->resume_step)
        return true;
    // When it will be done is estimated from the steps since here.
    pthread_mutex_lock(&run->jobs->lock);
    run->active.first_step = step;
    pthread_mutex_unlock(&run->jobs->lock);
    if (!record(run, record_resumed, &step, err))
        return false;
    for (size_t i = 0; i < run->checkpoint_count; i++) {
        if (run->checkpoints[i] > step)
            job_files_set_aside(run->jobs->data, run->job.id, run->checkpoints[i], run->jobs->log);
    }
    run->resume_step = step;
    return true;
}

static bool record_initialized(Change *change, const void *what, Error *err)
{
    return change_tell(change, "initialized", event_initialized(what), err);
}

bool run_initialized(Run *run, const TransferReport *report, Error *err)
{
    return record(run, record_initialized, report, err);
}

static bool record_kernels(Change *change, const void *what, Error *err)
{
    return store_put_kernels(change->jobs->store, change->job.id, what, err);
}

bool run_record_kernels(Run *run, const char *kernels, Error *err)
{
    return record(run, record_kernels, kernels, err);
}

/* ---- The end ---- */

/* The evaluation of its best checkpoint, which begins once all this is on disk. */
static bool add_evaluation(Change *change, const Run *run, Error *err)
{
    JobInfo *job = &change->job;
    Store *store = change->jobs->store;
    EvaluationRow row = {
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
    if (!store_add_evaluation(store, &row, err))
        return false;
    job->evaluation_id = row.id;
    Event event = {.time = row.created_at,
                   .type = "evaluation",
                   .data = event_evaluation(&row, EVALUATION_STATUS_NAMES[row.status], NULL)};
    const bool ok = store_tell_evaluation(store, row.id, &event, err);
    free(event.data);
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
    char note[JOB_TEXT + 64];
    snprintf(note, sizeof note, "%s; it goes on from its last checkpoint", how);
    const Restart restart = {.note = note, .code = "ranks", .what = "its ranks ended", .last = how};
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
    while (!record(run, record_end, &end, &err)) {
        const bool later = may_work_later(err.code) || err.code == ERR_STOPPED;
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
