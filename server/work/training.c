/* DESIGN. The trainer calls the hook after each step and each event; the hook writes down what
 * happened and answers with what clients, the daemon or the job's own rules want. When something
 * cannot be written down, the training ends there: nothing may follow a gap, and the job goes on
 * later from its last checkpoint, which lies before it.
 *
 * A checkpoint's way: the trainer writes training.safetensors, whole; the model file is written
 * beside it; training.safetensors is renamed to its step's name; the folder is synced; the row is
 * written; older files go. Dying anywhere between leaves the last row with its files.
 */
#include "server/work/training.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json_text.h"
#include "server/base/time.h"
#include "server/data/dataset_folder.h"
#include "server/jobs/job_files.h"

typedef struct {
    Run *run;
    const TrainingConfig *config;
    JobSpec spec;
    Dataset *dataset;
    Trainer *trainer;
    Path checkpoint_path;
    Ending ending;
    int64_t examples, batches;  // in an epoch
    Error fault;                // what could not be written down; ERR_NONE: all was
} Training;

/* ---- The hook ---- */

static int64_t examples_of_step(const Training *t, int64_t step)
{
    const int64_t index = (step - 1) % t->batches;
    const int64_t rest = t->examples - index * t->spec.batch_size;
    return rest < t->spec.batch_size ? rest : t->spec.batch_size;
}

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
    const EpochRow row = {
        .epoch = event->epoch,
        .step = event->step,
        .train_loss = event->loss,
        .train_accuracy = event->accuracy,
        .test_loss = event->test_loss,
        .test_accuracy = event->test_accuracy,
        .test_top5_accuracy = event->test_top5_accuracy,
        .learning_rate = event->learning_rate,
        .examples_per_second = event->examples_per_second,
        .duration_seconds = event->train_seconds + event->test_seconds,
    };
    return run_epoch(t->run, &row, &t->fault);
}

/* Everything about the files but the older ones' removal; fills the row. */
static bool place_files(Training *t, CheckpointRow *row)
{
    const char *data = t->config->data;
    const int64_t id = run_job(t->run)->id;
    const Path model = job_model_path(data, id, row->step);
    const Path training = job_training_path(data, id, row->step);
    if (!model_save(model.text, trainer_params(t->trainer), t->spec.network->name, &t->fault))
        return false;
    if (rename(t->checkpoint_path.text, training.text) != 0)
        return fail(&t->fault, ERR_IO, "rename %s: %s", t->checkpoint_path.text, strerror(errno));
    return folder_sync(job_folder(data, id).text, &t->fault)
           && file_digest(model.text, &row->bytes, row->sha256, &t->fault);
}

static bool on_checkpoint(Training *t, const TrainEvent *event)
{
    // Stopped within the first step: from the start is where it goes on anyway.
    if (event->step == 0)
        return true;
    CheckpointRow row = {
        .step = event->step,
        .epoch = event->step / t->batches,
        .created_at = time_now_ms(),
        .test_accuracy = event->evaluated ? event->test_accuracy : -1,
        .best = event->best,
    };
    return place_files(t, &row) && run_checkpoint(t->run, &row, t->spec.checkpoint_keep, &t->fault);
}

static bool write_down(Training *t, const TrainEvent *event)
{
    switch (event->type) {
    case TRAIN_POINT:
        return on_point(t, event);
    case TRAIN_EPOCH:
        return on_epoch(t, event);
    case TRAIN_CHECKPOINT:
        return on_checkpoint(t, event);
    case TRAIN_RESUMED:
        return !event->note || run_note(t->run, event->note, &t->fault);
    case TRAIN_END:
        t->ending = event->ending;
        break;
    case TRAIN_KERNELS:
    case TRAIN_STEP:
    case TRAIN_PART:
        break;
    }
    return true;
}

static TrainAnswer hook(void *context, const TrainEvent *event)
{
    Training *t = context;
    if (t->fault.code != ERR_NONE)
        return TRAIN_STOP;
    if (event->type == TRAIN_STEP || event->type == TRAIN_POINT)
        run_step(t->run, (RunStep){event, examples_of_step(t, event->step)});
    else if (event->type == TRAIN_PART)
        run_part(t->run);
    else
        run_alive(t->run);
    if (!write_down(t, event))
        return TRAIN_STOP;
    const RunWish wish = run_wish(t->run);
    if (wish.stop)
        return TRAIN_STOP;
    return wish.checkpoint ? TRAIN_CHECKPOINT_NOW : TRAIN_GO_ON;
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
    bool ok = spec_read(json, (SpecRules){.allow_folders = false}, &t->spec, &faults);
    if (!ok)
        ok = fail(err, ERR_INVALID, "%s %s", faults.items[0].pointer, faults.items[0].detail);
    cJSON_Delete(json);
    return ok;
}

static bool prepare_files(Training *t, Error *err)
{
    const char *data = t->config->data;
    const int64_t id = run_job(t->run)->id;
    const int64_t step = run_resume_step(t->run);
    t->checkpoint_path = job_trainer_path(data, id);
    return folder_make(job_folder(data, id).text, err)
           && (step == 0 || job_files_resume(data, id, step, err));
}

static bool make_trainer(Training *t, Error *err)
{
    TrainConfig how = spec_train_config(&t->spec);
    how.dataset = t->dataset;
    how.threads = job_threads_for(t->config->threads, t->spec.threads);
    how.autotune_path = t->config->kernels;
    how.checkpoint_path = t->checkpoint_path.text;
    how.checkpoint_best = true;  // however seldom the job wants checkpoints
    const char *const from[] = {t->checkpoint_path.text};
    how.resume_from = from;
    how.resume_count = run_resume_step(t->run) > 0;
    if (how.checkpoint_every_seconds <= 0)
        how.checkpoint_every_seconds = t->config->checkpoint_seconds;
    const int count = t->dataset->train.count;
    t->examples = how.train_limit > 0 && how.train_limit < count ? how.train_limit : count;
    t->batches = (t->examples + how.batch_size - 1) / how.batch_size;
    return trainer_new(&how, &t->trainer, err);
}

static bool open_dataset(Training *t, Error *err)
{
    const DatasetInfo *known = dataset_find(t->spec.dataset);
    char *folder = known ? dataset_folder(t->config->datasets, known) : NULL;
    const bool ok = dataset_open(t->spec.dataset, folder, &t->dataset, err);
    free(folder);
    return ok;
}

static bool begin(Training *t, Error *err)
{
    if (!read_settings(t, err) || !prepare_files(t, err))
        return false;
    return open_dataset(t, err) && make_trainer(t, err)
           && run_environment(t->run, trainer_state(t->trainer), err);
}

static const char *error_word(ErrorCode code)
{
    switch (code) {
    case ERR_INVALID:
        return "invalid";
    case ERR_NOT_FOUND:
        return "not_found";
    case ERR_IO:
        return "io";
    case ERR_NO_MEMORY:
        return "out_of_memory";
    case ERR_NUMERIC:
        return "not_a_number";
    case ERR_DNN:
        return "onednn";
    case ERR_NONE:
    case ERR_CONFLICT:
    case ERR_STOPPED:
        break;
    }
    return "internal";
}

/* How it ended, from what the trainer said. */
static RunEnd judge(const Training *t, bool done, const Error *err)
{
    if (t->fault.code != ERR_NONE)
        return (RunEnd){RUN_FAILED, error_word(t->fault.code), t->fault.message};
    if (done)
        return (RunEnd){RUN_SUCCEEDED, ENDING_NAMES[t->ending], ""};
    if (err->code != ERR_STOPPED)
        return (RunEnd){RUN_FAILED, error_word(err->code), err->message};
    return (RunEnd){RUN_STOPPED, "", ""};
}

void training_do(Run *run, const TrainingConfig *config)
{
    Training t = {.run = run, .config = config};
    Error err = {0};
    const bool done = begin(&t, &err) && trainer_run(t.trainer, hook, &t, &err);
    // The memory goes before the next job can be taken, and before clients see this one ended.
    trainer_free(t.trainer);
    dataset_free(t.dataset);
    spec_free(&t.spec);
    run_end(run, judge(&t, done, &err));
}
