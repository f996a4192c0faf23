/* DESIGN. The trainer calls back after each step and each event; the callback records what happened
 * and answers with what clients or the daemon ask for. What cannot be recorded for the moment is
 * waited for inside those calls (runs.h). When one gives up, the training ends there: nothing may
 * follow a gap, and the job goes on later from its last checkpoint, which lies before it.
 *
 * A checkpoint's way, each step before the next:
 *   1. the trainer writes training.safetensors, whole and synced
 *   2. the model file is written beside it, whole and synced
 *   3. training.safetensors is renamed to its step's name
 *   4. the folder is synced
 *   5. the row is committed
 *   6. the files of checkpoints that are not kept go
 * A death anywhere between leaves the last row with its files. Where a step fails, all are made
 * again from the first, into new files: what a failed fsync has lost is not there to be synced
 * again.
 */
#include "server/work/recorder.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/base/time.h"
#include "server/work/error_word.h"

static const char LOST[] = "ranks_lost";

bool fail_lost(Error *err, ErrorCode code, const char *message)
{
    return fail_as(err, code, LOST, "%s", message);
}

bool error_is_lost(const Error *err)
{
    return err->reason && strcmp(err->reason, LOST) == 0;
}

static bool on_point(Recorder *r, const TrainEvent *event)
{
    const PointRow row = {
        .step = event->step,
        .epoch = event->epoch_position,
        .loss = event->loss,
        .accuracy = event->accuracy,
        .learning_rate = event->learning_rate,
        .seconds = run_seconds(r->run),
    };
    return run_point(r->run, &row, &r->fault);
}

static bool on_epoch(Recorder *r, const TrainEvent *event)
{
    const EpochMetrics row = train_event_metrics(event);
    return run_epoch(r->run, &row, &r->fault);
}

/* Steps 2 to 4 of a checkpoint's way; fills the row. */
static bool place_files(Recorder *r, CheckpointRow *row, Error *err)
{
    const char *data = r->data;
    const int64_t id = run_job(r->run)->id;
    const Path model = job_model_path(data, id, row->step);
    const Path training = job_training_path(data, id, row->step);
    if (!r->save_model(r->context, model.text, err))
        return false;
    if (rename(r->checkpoint_path.text, training.text) != 0)
        return fail(err, error_of_system(errno), "rename %s: %s", r->checkpoint_path.text,
                    strerror(errno));
    return folder_sync(job_folder(data, id).text, err)
           && file_digest(model.text, &row->bytes, row->sha256, err);
}

/* The disk has refused a checkpoint: wait and write it anew, or end without it. */
static TrainAnswer on_failed_checkpoint(Recorder *r, Error err)
{
    if (run_disk_failed(r->run, &err)) {
        // Somebody may have deleted it. Where the disk that jobs/ was on is gone, it comes back
        // with that disk, and what is written below the mount until then would be lost to the job.
        if (jobs_folder_same(r->jobs, jobs_folder(r->data))) {
            folder_make(job_folder(r->data, run_job(r->run)->id).text, NULL);
            folder_sync(data_path(r->data, "jobs").text, NULL);
        }
        return TRAIN_CHECKPOINT_NOW;
    }
    r->fault = err;
    return TRAIN_STOP;
}

static TrainAnswer on_checkpoint(Recorder *r, const TrainEvent *event)
{
    // Stopped within the first step: from the start is where it goes on anyway.
    if (event->step == 0)
        return TRAIN_GO_ON;
    Error err = {0};
    CheckpointRow row = {
        .step = event->step,
        .epoch = event->step / r->epoch_steps,
        .created_at = time_now_ms(),
        .validation_accuracy = event->validated ? event->validation_accuracy : NAN,
        .test_accuracy = event->tested ? event->test_accuracy : NAN,
        .best = event->best,
    };
    if (!place_files(r, &row, &err))
        return on_failed_checkpoint(r, err);
    return run_checkpoint(r->run, &row, r->keep, &r->fault) ? TRAIN_GO_ON : TRAIN_STOP;
}

/* The newest checkpoints may have been damaged: which one was it, and why not a newer one? */
static bool on_resumed(Recorder *r, const TrainEvent *event)
{
    const ResumeReport *report = r->resumed;
    for (int i = 0; i < report->skipped_count; i++) {
        char note[JOB_TEXT + 128];
        snprintf(note, sizeof note, "a checkpoint cannot be used, the one before it is tried: %s",
                 report->skipped[i].why.message);
        if (!run_note(r->run, note, &r->fault))
            return false;
    }
    return run_resumed(r->run, event->step, &r->fault)
           && (!event->note || run_note(r->run, event->note, &r->fault));
}

static bool on_kernels(Recorder *r, const TrainEvent *event)
{
    return (!event->kernels || run_record_kernels(r->run, event->kernels, &r->fault))
           && (!event->note || run_note(r->run, event->note, &r->fault));
}

/* TRAIN_STOP if something could not be recorded, and is not going to be. */
static TrainAnswer record(Recorder *r, const TrainEvent *event)
{
    bool ok = true;
    switch (event->type) {
    case TRAIN_POINT:
        ok = on_point(r, event);
        break;
    case TRAIN_EPOCH:
        ok = on_epoch(r, event);
        break;
    case TRAIN_CHECKPOINT:
        return on_checkpoint(r, event);
    case TRAIN_CHECKPOINT_FAILED:
        return on_failed_checkpoint(r, *event->error);
    case TRAIN_INITIALIZED:
        ok = run_initialized(r->run, r->transfer, &r->fault);
        break;
    case TRAIN_RESUMED:
        ok = on_resumed(r, event);
        break;
    case TRAIN_KERNELS:
        ok = on_kernels(r, event);
        break;
    case TRAIN_END:
        r->ending = event->ending;
        break;
    case TRAIN_STEP:
    case TRAIN_PART:
        break;
    }
    return ok ? TRAIN_GO_ON : TRAIN_STOP;
}

TrainAnswer recorder_event(Recorder *r, const TrainEvent *event)
{
    if (r->fault.code != ERR_NONE)
        return TRAIN_STOP;
    if (event->type == TRAIN_STEP || event->type == TRAIN_POINT)
        run_step(r->run, (RunStep){event, event->step_examples});
    else if (event->type == TRAIN_PART)
        run_part(r->run);
    else
        run_heartbeat(r->run);
    return record(r, event);
}

RunEnd recorder_judge(const Recorder *r, bool done, const Error *err)
{
    const bool recorded = r->fault.code == ERR_NONE;
    const Error *why = recorded ? err : &r->fault;
    if (recorded && done)
        return (RunEnd){RUN_SUCCEEDED, ENDING_NAMES[r->ending], ""};
    if (error_is_lost(why))
        return (RunEnd){why->code == ERR_STOPPED ? RUN_STOPPED : RUN_LOST, "", why->message};
    if (why->code == ERR_STOPPED)
        return (RunEnd){RUN_STOPPED, "", recorded ? "" : why->message};
    return (RunEnd){RUN_FAILED, error_word(why->code), why->message};
}
