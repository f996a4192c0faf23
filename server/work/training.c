#include "server/work/training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/files/file_read.h"
#include "core/base/memory.h"
#include "server/base/json/json_text.h"
#include "server/data/dataset_folder.h"
#include "server/jobs/files/job_files.h"
#include "server/models/models_register.h"
#include "server/work/estimate.h"
#include "server/work/launched.h"
#include "server/work/recorder.h"

typedef struct {
    Run *run;
    const TrainingConfig *config;
    JobSpec spec;
    Dataset *dataset;
    bool opening;  // a set that people brought: it has failed
    Trainer *trainer;
    Recorder recorder;
} Training;

/* ---- The callback ---- */

static TrainAnswer on_event(void *context, const TrainEvent *event)
{
    Training *t = context;
    const TrainAnswer answer = recorder_event(&t->recorder, event);
    if (answer != TRAIN_GO_ON)
        return answer;
    const RunRequests requests = run_requests(t->run, event->step > 0);
    if (requests.stop)
        return TRAIN_STOP;
    return requests.checkpoint ? TRAIN_CHECKPOINT_NOW : TRAIN_GO_ON;
}

static bool save_model(void *context, const char *path, Error *err)
{
    const Training *t = context;
    ModelInfo info = trainer_model_info(t->trainer);
    info.dataset = run_job(t->run)->dataset.name;
    return model_save(path, trainer_params(t->trainer), &info, err);
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

/* Whether something that is no folder has a folder's name: no disk that comes back changes that. */
static bool is_taken(const char *folder)
{
    struct stat info;
    return stat(folder, &info) == 0 && !S_ISDIR(info.st_mode);
}

/* Wait for the job's data set where none is there: of one of some that is gone the job fails. */
static bool wait_for_set(Training *t, Error *err)
{
    const TrainingConfig *c = t->config;
    while (datasets_away(c->datasets, c->sets, run_job(t->run)->dataset.id)) {
        fail(err, ERR_IO, "the data set %s is not there, nor any other: is a disk not mounted?",
             run_job(t->run)->dataset.name);
        if (!run_disk_failed(t->run, err))
            return false;
    }
    return true;
}

/* Whether the job left files to go on from, or begins with a model of its own. */
static bool has_files(const Training *t)
{
    size_t kept;
    run_checkpoints(t->run, &kept);
    return kept > 0 || init_given(&t->spec.init_from);
}

/* Wait for the job's files where none of any job are there. Its own folder ends that: others may
 * begin meanwhile. */
static bool wait_for_files(Training *t, Error *err)
{
    const Path folder = job_folder(t->config->data, run_job(t->run)->id);
    bool away = has_files(t) && job_files_away(t->config->data, run_job(t->run)->id);
    for (; away; away = file_is_gone(folder.text)) {
        fail(err, ERR_IO, "there is no %s, nor any other job's folder: is a disk not mounted?",
             folder.text);
        if (!run_disk_failed(t->run, err))
            return false;
    }
    return true;
}

/* Wait where the files of other jobs ought to be, and are not: the disk that they are on would hide
 * what is written now. */
static bool wait_for_disk(Training *t, Error *err)
{
    while (!run_may_write(t->run, err)) {
        if (!run_disk_failed(t->run, err))
            return false;
    }
    return true;
}

/* The folder of the job's files. A disk that is full or fails or is away is waited for. */
static bool prepare_folder(Training *t, Error *err)
{
    const char *data = t->config->data;
    const int64_t id = run_job(t->run)->id;
    t->recorder.checkpoint_path = job_trainer_path(data, id);
    if (!wait_for_files(t, err) || !wait_for_disk(t, err))
        return false;
    // Its name is on disk before anything in it is relied on.
    while (!folder_make(job_folder(data, id).text, err)
           || !folder_sync(data_path(data, "jobs").text, err)) {
        if (is_taken(job_folder(data, id).text) || !run_disk_failed(t->run, err))
            return false;
    }
    t->recorder.jobs = jobs_folder(data);
    return true;
}

/* Where the job's files are, those to go on from and those to write. */
typedef struct {
    Path init, *kept;
    const char **resume;
} JobPaths;

static TrainConfig train_config(const Training *t, JobPaths *paths)
{
    const char *data = t->config->data;
    const int64_t id = run_job(t->run)->id;
    TrainConfig how = spec_train_config(&t->spec);
    how.autotune_path = t->config->kernels;
    how.kernels = run_kernels(t->run);
    how.checkpoint_path = t->recorder.checkpoint_path.text;
    how.checkpoint_best = true;  // however seldom the job wants checkpoints
    if (how.checkpoint_every_seconds <= 0)
        how.checkpoint_every_seconds = t->config->checkpoint_seconds;
    paths->init = job_init_path(data, id);
    how.init_from = init_given(&t->spec.init_from) ? paths->init.text : NULL;
    size_t kept;
    const int64_t *steps = run_checkpoints(t->run, &kept);
    paths->kept = xcalloc(kept + 1, sizeof *paths->kept);
    paths->resume = xcalloc(kept + 1, sizeof *paths->resume);
    for (size_t i = 0; i < kept; i++) {
        paths->kept[i] = job_training_path(data, id, steps[i]);
        paths->resume[i] = paths->kept[i].text;
    }
    how.resume_from = paths->resume;
    how.resume_count = (int)kept;
    return how;
}

static bool open_dataset(Training *t, Error *err)
{
    const int64_t id = t->spec.set.id;
    const bool ok = dataset_open_named(t->config->data, t->config->datasets, id, t->spec.dataset,
                                       &t->dataset, err);
    t->opening = id > 0 && !ok;
    return ok;
}

/* Once, at the beginning; that it cannot be recorded is no reason to end. */
static void note_limits(const Training *t, const TrainConfig *how)
{
    char note[JOB_TEXT];
    for (int test = 0; test < 2 && how->resume_count == 0; test++) {
        Error unimportant = {0};
        if (train_limit_note(how, test, note, sizeof note))
            run_note(t->run, note, &unimportant);
    }
}

/* Of ranks, which open the set themselves. */
static void note_limits_of_ranks(const Training *t, TrainConfig how)
{
    Error unimportant = {0};
    Dataset *set;
    if ((how.train_limit == 0 && how.test_limit == 0)
        || !dataset_open_named(t->config->data, t->config->datasets, t->spec.set.id,
                               t->spec.dataset, &set, &unimportant))
        return;
    how.dataset = set;
    note_limits(t, &how);
    dataset_free(set);
}

/* Here, by this thread. */
static bool train_here(Training *t, TrainConfig *how, Error *err)
{
    how->threads = job_threads_for(t->config->threads, t->spec.threads);
    if (!open_dataset(t, err) || !training_fits(&t->spec, t->dataset, how->threads, err))
        return false;
    how->dataset = t->dataset;
    if (!trainer_new(how, &t->trainer, err))
        return false;
    note_limits(t, how);
    t->recorder.epoch_steps = trainer_epoch_steps(t->trainer);
    t->recorder.resumed = trainer_resume(t->trainer);
    t->recorder.transfer = trainer_transfer(t->trainer);
    return run_environment(t->run, trainer_state(t->trainer), err)
           && trainer_run(t->trainer, on_event, t, err);
}

static bool train_by_ranks(Training *t, const TrainConfig *how, Error *err)
{
    const LaunchedTraining launched = {
        .recorder = &t->recorder,
        .spec = &t->spec,
        .how = how,
        .launcher = t->config->launcher,
        .launcher_seconds = t->config->launcher_seconds,
        .datasets = t->config->datasets,
        .log = t->config->log,
    };
    note_limits_of_ranks(t, *how);
    const bool done = launched_train(&launched, err);
    // Whether its pixels are damaged is for look_for_damage to see.
    Error other = {0};
    if (!done && t->spec.set.id > 0 && !open_dataset(t, &other) && t->opening)
        *err = other;
    return done;
}

static bool train(Training *t, Error *err)
{
    JobPaths paths = {.kept = NULL};
    if (!wait_for_set(t, err) || !read_settings(t, err))
        return false;
    t->recorder.keep = t->spec.checkpoint_keep;
    if (!prepare_folder(t, err))
        return false;
    TrainConfig how = train_config(t, &paths);
    const bool done = t->spec.ranks > 1 ? train_by_ranks(t, &how, err) : train_here(t, &how, err);
    free(paths.resume);
    free(paths.kept);
    return done;
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
    t.recorder =
        (Recorder){.run = run, .data = config->data, .save_model = save_model, .context = &t};
    Error err = {0};
    const bool done = train(&t, &err);
    if (!done)
        look_for_damage(&t, &err);
    if (t.spec.evaluate)
        run_evaluate(run, t.spec.test_limit);
    // The memory is freed before the next job can be taken, and before clients see this one ended.
    trainer_free(t.trainer);
    dataset_free(t.dataset);
    const RunEnd end = recorder_judge(&t.recorder, done, &err);
    if (end.outcome == RUN_SUCCEEDED && t.spec.register_as[0] && config->models)
        register_result(&t);
    spec_free(&t.spec);
    run_end(run, end);
}
