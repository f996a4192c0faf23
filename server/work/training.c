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
#include "server/work/training.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json_text.h"
#include "server/base/time.h"
#include "server/data/dataset_folder.h"
#include "server/jobs/job_files.h"
#include "server/work/error_word.h"
#include "server/work/estimate.h"

typedef struct {
    Run *run;
    const TrainingConfig *config;
    JobSpec spec;
    Dataset *dataset;
    bool opening;  // a set that people brought: it has failed
    Trainer *trainer;
    Path checkpoint_path;
    Ending ending;
    Error fault;  // what could not be recorded; ERR_NONE: all was
} Training;

/* ---- The callback ---- */

static bool on_point(Training *t, const TrainEvent *event)
{
    const PointRow row = {
        .step = event->step,
        .epoch = event->epoch_position,
        .loss = event->loss,
        .accuracy = event->accuracy,
        .learning_rate = event->learning_rate,
        .seconds = run_seconds(t->run),
    };
    return run_point(t->run, &row, &t->fault);
}

static bool on_epoch(Training *t, const TrainEvent *event)
{
    const EpochMetrics row = train_event_metrics(event);
    return run_epoch(t->run, &row, &t->fault);
}

/* Steps 2 to 4 of a checkpoint's way; fills the row. */
static bool place_files(Training *t, CheckpointRow *row, Error *err)
{
    const char *data = t->config->data;
    const int64_t id = run_job(t->run)->id;
    const Path model = job_model_path(data, id, row->step);
    const Path training = job_training_path(data, id, row->step);
    ModelInfo info = trainer_model_info(t->trainer);
    info.dataset = run_job(t->run)->dataset.name;
    if (!model_save(model.text, trainer_params(t->trainer), &info, err))
        return false;
    if (rename(t->checkpoint_path.text, training.text) != 0)
        return fail(err, error_of_system(errno), "rename %s: %s", t->checkpoint_path.text,
                    strerror(errno));
    return folder_sync(job_folder(data, id).text, err)
           && file_digest(model.text, &row->bytes, row->sha256, err);
}

/* The disk has refused a checkpoint: wait and write it anew, or end without it. */
static TrainAnswer on_failed_checkpoint(Training *t, Error err)
{
    if (run_disk_failed(t->run, &err)) {
        // Somebody may have deleted it.
        folder_make(job_folder(t->config->data, run_job(t->run)->id).text, NULL);
        folder_sync(data_path(t->config->data, "jobs").text, NULL);
        return TRAIN_CHECKPOINT_NOW;
    }
    t->fault = err;
    return TRAIN_STOP;
}

static TrainAnswer on_checkpoint(Training *t, const TrainEvent *event)
{
    // Stopped within the first step: from the start is where it goes on anyway.
    if (event->step == 0)
        return TRAIN_GO_ON;
    Error err = {0};
    CheckpointRow row = {
        .step = event->step,
        .epoch = event->step / trainer_epoch_steps(t->trainer),
        .created_at = time_now_ms(),
        .validation_accuracy = event->validated ? event->validation_accuracy : NAN,
        .test_accuracy = event->tested ? event->test_accuracy : NAN,
        .best = event->best,
    };
    if (!place_files(t, &row, &err))
        return on_failed_checkpoint(t, err);
    return run_checkpoint(t->run, &row, t->spec.checkpoint_keep, &t->fault) ? TRAIN_GO_ON
                                                                            : TRAIN_STOP;
}

/* The newest checkpoints may have been damaged: which one was it, and why not a newer one? */
static bool on_resumed(Training *t, const TrainEvent *event)
{
    const ResumeReport *report = trainer_resume(t->trainer);
    for (int i = 0; i < report->skipped_count; i++) {
        char note[JOB_TEXT + 128];
        snprintf(note, sizeof note, "a checkpoint cannot be used, the one before it is tried: %s",
                 report->skipped[i].why.message);
        if (!run_note(t->run, note, &t->fault))
            return false;
    }
    return run_resumed(t->run, event->step, &t->fault)
           && (!event->note || run_note(t->run, event->note, &t->fault));
}

static bool on_kernels(Training *t, const TrainEvent *event)
{
    return (!event->kernels || run_record_kernels(t->run, event->kernels, &t->fault))
           && (!event->note || run_note(t->run, event->note, &t->fault));
}

/* TRAIN_STOP if something could not be recorded, and is not going to be. */
static TrainAnswer record_event(Training *t, const TrainEvent *event)
{
    bool ok = true;
    switch (event->type) {
    case TRAIN_POINT:
        ok = on_point(t, event);
        break;
    case TRAIN_EPOCH:
        ok = on_epoch(t, event);
        break;
    case TRAIN_CHECKPOINT:
        return on_checkpoint(t, event);
    case TRAIN_CHECKPOINT_FAILED:
        return on_failed_checkpoint(t, *event->error);
    case TRAIN_INITIALIZED:
        ok = run_initialized(t->run, trainer_transfer(t->trainer), &t->fault);
        break;
    case TRAIN_RESUMED:
        ok = on_resumed(t, event);
        break;
    case TRAIN_KERNELS:
        ok = on_kernels(t, event);
        break;
    case TRAIN_END:
        t->ending = event->ending;
        break;
    case TRAIN_STEP:
    case TRAIN_PART:
        break;
    }
    return ok ? TRAIN_GO_ON : TRAIN_STOP;
}

static TrainAnswer on_event(void *context, const TrainEvent *event)
{
    Training *t = context;
    if (t->fault.code != ERR_NONE)
        return TRAIN_STOP;
    if (event->type == TRAIN_STEP || event->type == TRAIN_POINT)
        run_step(t->run, (RunStep){event, event->step_examples});
    else if (event->type == TRAIN_PART)
        run_part(t->run);
    else
        run_heartbeat(t->run);
    const TrainAnswer answer = record_event(t, event);
    if (answer != TRAIN_GO_ON)
        return answer;
    const RunRequests requests = run_requests(t->run, event->step > 0);
    if (requests.stop)
        return TRAIN_STOP;
    return requests.checkpoint ? TRAIN_CHECKPOINT_NOW : TRAIN_GO_ON;
}

/* ---- Before and after ---- */

/* The settings were checked when the job was created; by now a dataset or network may be gone. */
static bool read_settings(Training *t, Error *err)
{
    const char *text = run_job(t->run)->settings;
    cJSON *json = json_parse_text("settings", text, strlen(text), err);
    if (!json)
        return false;
    Faults faults = {0};
    bool ok = spec_read(json, (SpecRules){.sets = t->config->sets}, &t->spec, &faults);
    if (!ok)
        ok = fail(err, ERR_INVALID, "%s %s", faults.items[0].pointer, faults.items[0].detail);
    cJSON_Delete(json);
    return ok;
}

/* The folder of the job's files. A full disk is waited for. */
static bool prepare_folder(Training *t, Error *err)
{
    const char *data = t->config->data;
    const int64_t id = run_job(t->run)->id;
    t->checkpoint_path = job_trainer_path(data, id);
    // Its name is on disk before anything in it is relied on.
    while (!folder_make(job_folder(data, id).text, err)
           || !folder_sync(data_path(data, "jobs").text, err)) {
        if (err->code != ERR_NO_SPACE || !run_disk_failed(t->run, err))
            return false;
    }
    return true;
}

static bool make_trainer(Training *t, Error *err)
{
    TrainConfig how = spec_train_config(&t->spec);
    how.dataset = t->dataset;
    how.threads = job_threads_for(t->config->threads, t->spec.threads);
    how.autotune_path = t->config->kernels;
    how.kernels = run_kernels(t->run);
    how.checkpoint_path = t->checkpoint_path.text;
    how.checkpoint_best = true;  // however seldom the job wants checkpoints
    if (how.checkpoint_every_seconds <= 0)
        how.checkpoint_every_seconds = t->config->checkpoint_seconds;

    const Path init = job_init_path(t->config->data, run_job(t->run)->id);
    how.init_from = init_given(&t->spec.init_from) ? init.text : NULL;
    size_t kept;
    const int64_t *steps = run_checkpoints(t->run, &kept);
    Path *paths = xcalloc(kept + 1, sizeof *paths);
    const char **from = xcalloc(kept + 1, sizeof *from);
    for (size_t i = 0; i < kept; i++) {
        paths[i] = job_training_path(t->config->data, run_job(t->run)->id, steps[i]);
        from[i] = paths[i].text;
    }
    how.resume_from = from;
    how.resume_count = (int)kept;
    const bool ok = trainer_new(&how, &t->trainer, err);
    free(from);
    free(paths);
    return ok;
}

static bool open_dataset(Training *t, Error *err)
{
    const int64_t id = t->spec.set.id;
    const bool ok = dataset_open_named(t->config->data, t->config->datasets, id, t->spec.dataset,
                                       &t->dataset, err);
    t->opening = id > 0 && !ok;
    return ok;
}

static bool begin(Training *t, Error *err)
{
    if (!read_settings(t, err) || !prepare_folder(t, err))
        return false;
    const int threads = job_threads_for(t->config->threads, t->spec.threads);
    return open_dataset(t, err) && training_fits(&t->spec, t->dataset, threads, err)
           && make_trainer(t, err) && run_environment(t->run, trainer_state(t->trainer), err);
}

/* Is what went wrong the set's? */
static void look_for_damage(const Training *t, const Error *err)
{
    const SpecSets *sets = t->config->sets;
    Error why = *err;
    if (t->spec.set.id == 0 || !sets || !sets->damaged)
        return;
    if (t->opening ? why.code == ERR_DAMAGED || why.code == ERR_NOT_FOUND
                   : t->dataset && !dataset_intact(t->dataset, &why))
        sets->damaged(sets->context, t->spec.set.id, &why);
}

/* How it ended, from what the trainer said. */
static RunEnd judge(const Training *t, bool done, const Error *err)
{
    if (t->fault.code == ERR_STOPPED)
        return (RunEnd){RUN_STOPPED, "", t->fault.message};
    if (t->fault.code != ERR_NONE)
        return (RunEnd){RUN_FAILED, error_word(t->fault.code), t->fault.message};
    if (done)
        return (RunEnd){RUN_SUCCEEDED, ENDING_NAMES[t->ending], ""};
    if (err->code != ERR_STOPPED)
        return (RunEnd){RUN_FAILED, error_word(err->code), err->message};
    return (RunEnd){RUN_STOPPED, "", ""};
}

/* Make the result the next version of the model that the settings name. The job has succeeded in
 * any case; a full disk is waited for. */
static void register_result(const Training *t)
{
    Error err = {0}, unimportant = {0};
    ModelVersion version;
    const int64_t id = run_job(t->run)->id;
    const char *name = t->spec.register_as;
    char text[JOB_TEXT];
    bool ok;
    while (!(ok = models_register_job(t->config->models, id, name, &version, &err))) {
        if (err.code != ERR_NO_SPACE || !run_disk_failed(t->run, &err))
            break;
    }
    if (ok) {
        snprintf(text, sizeof text, "registered as version %lld of the model %s",
                 (long long)version.row.version, name);
        model_version_free(&version);
    } else {
        snprintf(text, sizeof text, "not registered as %s: %.400s", name, err.message);
    }
    run_result_note(t->run, text, !ok, &unimportant);
}

void training_do(Run *run, const TrainingConfig *config)
{
    Training t = {.run = run, .config = config};
    Error err = {0};
    const bool done = begin(&t, &err) && trainer_run(t.trainer, on_event, &t, &err);
    if (!done)
        look_for_damage(&t, &err);
    if (t.spec.evaluate)
        run_evaluate(run, t.spec.test_limit);
    // The memory is freed before the next job can be taken, and before clients see this one ended.
    trainer_free(t.trainer);
    dataset_free(t.dataset);
    const RunEnd end = judge(&t, done, &err);
    if (end.outcome == RUN_SUCCEEDED && t.spec.register_as[0] && config->models)
        register_result(&t);
    spec_free(&t.spec);
    run_end(run, end);
}
