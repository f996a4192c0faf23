/* DESIGN  The trainer calls on_event; what it reports goes to the tables and files, then to the
 * screen, and the answer is whether to go on. What cannot be written ends the run, at its last
 * checkpoint. The figures printed at the end are those of the trainer's last event, which are of
 * the weights in model.safetensors.
 */
#include "server/cli/run/foreground.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/files/file_read.h"
#include "core/base/memory.h"
#include "core/base/threads/cpu.h"
#include "core/train/files/safetensors.h"
#include "server/base/files.h"
#include "server/cli/args.h"
#include "server/cli/dataset_argument.h"
#include "server/cli/run/autotune_cache.h"
#include "server/cli/run/follower.h"
#include "server/cli/run/interrupt.h"
#include "server/cli/run/progress.h"
#include "server/cli/run/run_folder.h"
#include "server/cli/run/run_tables.h"
#include "server/work/estimate.h"

enum { MAX_RECORD = 1 << 20 };  // bytes of a record of kernels

typedef struct {
    const JobSpec *spec;
    const Foreground *how;
    RunFolder folder;
    RunTables tables;
    Dataset *dataset;
    Trainer *trainer;
    char *kernels;  // the record to use; NULL: none
    Progress progress;
    double seconds_per_example;  // summed over timed_epochs, for the mean
    int timed_epochs;
    TrainEvent now;     // the newest event
    int signal;         // that ended it
    Error write_error;  // that ended it
} Training;

#define SAY(t, ...) progress_say(&(t)->progress, __VA_ARGS__)

/* ---- Events ---- */

static void count_epoch(void *context, const EpochMetrics *row)
{
    Training *t = context;
    if (row->examples_per_second > 0) {
        t->seconds_per_example += 1 / row->examples_per_second;
        t->timed_epochs++;
    }
}

static bool save_best(Training *t)
{
    const ModelInfo info = trainer_model_info(t->trainer);
    return model_save(t->folder.best, trainer_params(t->trainer), &info, &t->write_error);
}

static bool record_checkpoint(Training *t, const TrainEvent *e)
{
    return run_folder_checkpoint(&t->folder, &t->write_error) && (!e->best || save_best(t));
}

static bool record(Training *t, const TrainEvent *e)
{
    const EpochMetrics row = train_event_metrics(e);
    switch (e->type) {
    case TRAIN_POINT:
        return run_tables_point(&t->tables, e, &t->write_error);
    case TRAIN_EPOCH:
        count_epoch(t, &row);
        return run_tables_epoch(&t->tables, &row, &t->write_error);
    case TRAIN_CHECKPOINT:
        return record_checkpoint(t, e);
    case TRAIN_KERNELS:
        return !e->kernels || run_folder_kernels(&t->folder, e->kernels, &t->write_error);
    case TRAIN_RESUMED:
        // The program may have died between the checkpoint and this file.
        return !e->best || save_best(t);
    case TRAIN_CHECKPOINT_FAILED:  // ends the training, with its error
    case TRAIN_STEP:
    case TRAIN_PART:
    case TRAIN_INITIALIZED:
    case TRAIN_END:
        break;
    }
    return true;
}

static void show_resumed(Training *t, const TrainEvent *e)
{
    const ResumeReport *report = trainer_resume(t->trainer);
    for (int i = 0; i < report->skipped_count; i++)
        SAY(t, "note: %s", report->skipped[i].why.message);
    if (report->skipped_count > 0)
        SAY(t, "note: going on from %s", report->path);
    SAY(t, "resumed at step %lld of %lld", (long long)e->step, (long long)e->total_steps);
    if (t->folder.changes && e->step < e->total_steps)
        SAY(t, "note: other settings than at its last start: %s", t->folder.changes);
}

/* The examples that "best" goes by. */
static const char *chosen_by(const Training *t)
{
    return t->spec->validation_split > 0 ? "validation" : "test";
}

static void show_epoch(Training *t, const TrainEvent *e)
{
    char duration[DURATION_TEXT];
    duration_text(e->train_seconds + e->test_seconds, duration);
    SAY(t, "epoch %lld/%d: loss %.3f, train acc %.3f, %s acc %.3f, %.1f examples/s, %s%s",
        (long long)e->epoch, t->spec->epochs, e->loss, e->accuracy, chosen_by(t),
        e->validated ? e->validation_accuracy : e->test_accuracy, e->examples_per_second, duration,
        e->best ? ", best so far" : "");
}

static void show(Training *t, const TrainEvent *e)
{
    progress_event(&t->progress, e);
    if (e->type == TRAIN_RESUMED)
        show_resumed(t, e);
    else if (e->type == TRAIN_EPOCH)
        show_epoch(t, e);
    if (e->note)
        SAY(t, "note: %s", e->note);
}

static TrainAnswer on_event(void *context, const TrainEvent *e)
{
    Training *t = context;
    if (t->write_error.code != ERR_NONE || !record(t, e))
        return TRAIN_STOP;
    t->now = *e;
    show(t, e);
    t->signal = interrupt_signal();
    return t->signal ? TRAIN_STOP : TRAIN_GO_ON;
}

/* ---- The end ---- */

/* Its file may be from a run before this one, and damaged or gone since. */
static void print_best(Training *t, const TrainState *state)
{
    SafeFile *file = NULL;
    Error err = {0};
    const char *path = t->folder.best;
    const bool whole = safetensors_open(path, &file, &err);
    SAY(t, "best %s acc %.3f, epoch %lld%s: %s", chosen_by(t), state->best_accuracy,
        (long long)state->best_epoch, whole ? "" : ", whose model is lost",
        whole ? path : err.message);
    safetensors_close(file);
}

static void print_result(Training *t)
{
    const TrainEvent *e = &t->now;
    const TrainState *state = trainer_state(t->trainer);
    if (e->ending != ENDING_COMPLETED) {
        const TrainConfig config = spec_train_config(t->spec);
        char sentence[160];
        ending_sentence(e->ending, &config.early_ending, &state->ending, sentence, sizeof sentence);
        SAY(t, "%s", sentence);
    }
    if (state->best_epoch > 0)
        print_best(t, state);
    SAY(t, "loss %.3f, train acc %.3f, test acc %.3f", e->loss, e->accuracy, e->test_accuracy);
    char cpu[128];
    cpu_model(cpu, sizeof cpu);
    const double speed =
        t->timed_epochs > 0 ? t->timed_epochs / t->seconds_per_example : e->examples_per_second;
    SAY(t, "%.1f examples/sec on %s, %d thread%s", speed, cpu, state->threads,
        state->threads == 1 ? "" : "s");
}

static int run_trainer(Training *t, Error *err)
{
    const bool ended = trainer_run(t->trainer, on_event, t, err);
    progress_clear(&t->progress);
    if (t->write_error.code != ERR_NONE) {
        *err = t->write_error;
        return EXIT_FAILED;
    }
    if (!ended && err->code != ERR_STOPPED)
        return EXIT_FAILED;
    if (!ended) {
        SAY(t, "%s; go on with --resume", err->message);
        *err = (Error){0};
        return 128 + (int)comm_max(t->how->ranks->comm, t->signal);
    }
    const ModelInfo info = trainer_model_info(t->trainer);
    if (!model_save(t->folder.model, trainer_params(t->trainer), &info, err))
        return EXIT_FAILED;
    print_result(t);
    return output_finish(&t->progress.output, EXIT_OK);
}

/* ---- The beginning ---- */

static bool check_record(const char *path, const char *text, Error *err)
{
    Autotune *trial = autotune_new();
    const bool ok = autotune_use_record(trial, text, err) || fail_in(err, "%s", path);
    autotune_free(trial);
    return ok;
}

/* What was asked for by name may be a pipe; what was found at its place is not waited for. */
static bool read_record(Training *t, const char *path, bool named, Error *err)
{
    if (named)
        return file_text(path, MAX_RECORD, &t->kernels, NULL, err);
    uint8_t *bytes = NULL;
    size_t size;
    const bool ok = file_read(path, MAX_RECORD, &bytes, &size, err);
    t->kernels = (char *)bytes;
    return ok;
}

/* One that was found and is damaged is no reason not to train. */
static bool pass_over_record(Training *t, bool has_checkpoint, Error *err)
{
    SAY(t, "note: %s: %s", err->message,
        has_checkpoint ? "those of the checkpoint are used" : "kernels are chosen anew");
    *err = (Error){0};
    free(t->kernels);
    t->kernels = NULL;
    return true;
}

/* The record of kernels to use, if there is one: the one that was asked for, else that of this
 * folder (its checkpoint may not have come yet), else that of the run to repeat. */
static bool read_kernels(Training *t, Error *err)
{
    const Foreground *how = t->how;
    const bool own = !how->kernels && how->resume && access(t->folder.kernels, F_OK) == 0;
    const char *path = how->kernels ? how->kernels : own ? t->folder.kernels : how->repeat_of;
    if (!path || (path == how->repeat_of && access(path, F_OK) != 0))
        return true;
    if (!read_record(t, path, path == how->kernels, err))
        return false;
    if (!check_record(path, t->kernels, err))
        return path != how->kernels && pass_over_record(t, own && t->folder.has_checkpoint, err);
    if (!own)
        SAY(t, "kernels are those of %s", path);
    return true;
}

/* The checkpoints to go on from, those that are there. */
static int checkpoints_there(const RunFolder *f, const char *paths[RUN_CHECKPOINTS])
{
    int count = 0;
    for (int i = 0; i < RUN_CHECKPOINTS; i++)
        if (access(f->checkpoints[i], F_OK) == 0)
            paths[count++] = f->checkpoints[i];
    return count;
}

static const char *init_file(const Training *t)
{
    return t->spec->init_from.file;
}

static void say_limits(Training *t, const TrainConfig *config)
{
    char note[256];
    for (int test = 0; test < 2; test++)
        if (train_limit_note(config, test, note, sizeof note))
            SAY(t, "note: %s", note);
}

static bool make_trainer(Training *t, int threads, Error *err)
{
    TrainConfig config = spec_train_config(t->spec);
    const char *from[RUN_CHECKPOINTS];
    Error why = {0};
    char *cache = autotune_cache_path(&why);
    if (!cache)
        SAY(t, "note: no place for the autotune cache (%s): kernels are measured for this run",
            why.message);
    char *settings = settings_lines(t->spec);
    config.comm = t->how->ranks->comm;
    config.settings = settings;
    config.trace = t->how->trace;
    config.dataset = t->dataset;
    config.threads = threads;
    config.checkpoint_path = run_folder_checkpoint_path(&t->folder);
    config.checkpoint_best = true;
    config.resume_count = checkpoints_there(&t->folder, from);
    config.resume_from = from;
    config.dataset_moved = t->folder.dataset_moved;
    config.init_from = *init_file(t) ? init_file(t) : NULL;
    config.kernels = t->kernels;
    config.autotune_path = cache;
    const bool ok = trainer_new(&config, &t->trainer, err);
    if (ok)
        say_limits(t, &config);
    free(cache);
    free(settings);
    return ok;
}

static bool open_all(Training *t, int threads, Error *err)
{
    const JobSpec *spec = t->spec;
    return dataset_argument_open(spec->dataset, &t->dataset, err)
           && run_folder_open(t->how->out, t->how->resume, spec, &t->folder, err)
           && run_tables_check(t->how->out, err) && training_fits(spec, t->dataset, threads, err)
           && read_kernels(t, err);
}

/* From here on the folder is this training's. */
static bool fill_folder(Training *t, Error *err)
{
    const ResumeReport *resumed = trainer_resume(t->trainer);
    const TrainState *state = resumed ? trainer_state(t->trainer) : NULL;
    // What is trained already was not trained with these settings.
    const bool done = state && state->epoch >= t->spec->epochs;
    return run_folder_begin(&t->folder, t->spec, resumed ? resumed->path : NULL, done, err)
           && run_tables_open(t->how->out, state, count_epoch, t, &t->tables, err);
}

/* Where ranks agree, a follower does: server/cli/run/follower.c. */
static bool begin(Training *t, Error *err)
{
    const JobSpec *spec = t->spec;
    const Comm *comm = t->how->ranks->comm;
    const int threads = rank_threads(t->how->ranks, spec->threads);
    if (!comm_agree(comm, open_all(t, threads, err), err))
        return false;
    if (comm)
        SAY(t, "%d ranks of %d thread%s, %d shards", comm->size, threads, threads == 1 ? "" : "s",
            spec->shards);
    if (t->how->resume && !t->folder.has_checkpoint)
        SAY(t, "%s has no checkpoint yet: starting from the beginning", t->how->out);
    if (*init_file(t) && t->folder.has_checkpoint)
        SAY(t, "note: %s has a checkpoint: %s is not read", t->how->out, init_file(t));
    if (spec->threads > threads)
        SAY(t, "note: the job asks for %d threads, and this process may use %d", spec->threads,
            threads);
    return make_trainer(t, threads, err) && comm_agree(comm, fill_folder(t, err), err);
}

int foreground_train(const JobSpec *spec, const Foreground *how, Error *err)
{
    Training t = {.spec = spec, .how = how};
    interrupt_install();
    t.progress = progress_new(spec->epochs, spec->batch_size);
    const int exit_code = begin(&t, err) ? run_trainer(&t, err) : EXIT_FAILED;
    trainer_free(t.trainer);
    dataset_free(t.dataset);
    run_tables_close(&t.tables);
    run_folder_close(&t.folder);
    free(t.kernels);
    return exit_code;
}
