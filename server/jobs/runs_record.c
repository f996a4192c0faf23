/* server/jobs/runs_record.c -- what a run writes down, and how it waits where it cannot. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "server/jobs/events/event_data.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/runs_private.h"

/* DESIGN. What cannot be written is kept in memory and tried again: training waits, and the job's
 * warning says why. A run that is told to end meanwhile may use the reserve of space; where that
 * does not help either, it ends without what it could not write, and goes on later from its last
 * checkpoint. Nothing is ever recorded beyond a gap. */

enum { LAST_TRIES = 4 };  // of a run that was told to end

static bool told_to_end(Run *run)
{
    pthread_mutex_lock(&run->jobs->lock);
    const bool stop = run->active.stop;
    pthread_mutex_unlock(&run->jobs->lock);
    return stop || work_signal_leaving(&run->jobs->work);
}

static bool record_once(Run *run, RunRecord record, const void *what, Error *err)
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

bool run_may_work_later(ErrorCode code)
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
    if (!run_may_work_later(err->code))
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

bool run_record(Run *run, RunRecord how, const void *what, Error *err)
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
    return run_record(run, record_environment, state, err);
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
    if (!run_record(run, record_point, row, err))
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
    if (!run_record(run, record_epoch, row, err))
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
    if (!run_record(run, record_note, message, err))
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
    if (!run_record(run, record_result_note, &(ResultNote){message, failed}, err))
        return false;
    LOG(run->jobs->log, failed ? LOG_WARNING : LOG_INFO, "note", log_int("job", run->job.id),
        log_text("message", message));
    return true;
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
    if (!run_record(run, record_resumed, &step, err))
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
    return run_record(run, record_initialized, report, err);
}

static bool record_kernels(Change *change, const void *what, Error *err)
{
    return store_put_kernels(change->jobs->store, change->job.id, what, err);
}

bool run_record_kernels(Run *run, const char *kernels, Error *err)
{
    return run_record(run, record_kernels, kernels, err);
}
