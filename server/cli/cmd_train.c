/* googlenetd train -- one training in the foreground.
 *
 * DESIGN  The trainer calls on_event; what it has to tell goes to the tables, the screen and the
 * policy, in this order, and the answer is whether to go on. Whatever ends the run early is
 * remembered in Training and explained afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cpu.h"
#include "core/base/memory.h"
#include "server/cli/args.h"
#include "server/cli/commands.h"
#include "server/cli/interrupt.h"
#include "server/cli/job_file.h"
#include "server/cli/kernels_file.h"
#include "server/cli/progress.h"
#include "server/cli/run_folder.h"
#include "server/work/cpus.h"

/* ---- Options ---- */

typedef struct {
    const char *job;
    const char *out;
    const char **sets;
    int set_count;
    bool resume;
} TrainArgs;

static bool take_set(void *settings, const char *text, Error *err)
{
    (void)err;
    TrainArgs *a = settings;
    a->sets = xrealloc(a->sets, (size_t)a->set_count + 1, sizeof *a->sets);
    a->sets[a->set_count++] = text;
    return true;
}

static bool take_out(void *settings, const char *text, Error *err)
{
    if (!*text)
        return fail(err, ERR_INVALID, "--out needs the name of a folder");
    ((TrainArgs *)settings)->out = text;
    return true;
}

static bool take_resume(void *settings, const char *text, Error *err)
{
    (void)text, (void)err;
    ((TrainArgs *)settings)->resume = true;
    return true;
}

static const Option OPTIONS[] = {
    {"set", "KEY=VALUE", "change a field of the job: --set optimizer.learning_rate=0.05", take_set},
    {"out", "DIR", "the folder to fill; else the job file's name with .run, here", take_out},
    {"resume", NULL, "go on from the checkpoint in the folder, if there is one", take_resume},
};

static void explain_fields(FILE *out)
{
    fprintf(out, "\nFields of a job, with their defaults:\n");
    spec_fields_print(out);
}

static const Syntax SYNTAX = {
    .usage = "train JOB.json [--set KEY=VALUE ...] [--out DIR] [--resume]",
    .about =
        "Train a network as a job file says (- is standard input); {} is the run of the\n"
        "d2l.ai chapter: GoogLeNet on Fashion-MNIST. The folder gets checkpoint.safetensors,\n"
        "model.safetensors, epochs.csv, curve.csv and the settings as job.json. Ctrl-C writes\n"
        "a checkpoint and leaves; a second one leaves at once.\n\n"
        "Exit code: 0 done, 1 failed, 2 faulty arguments or job, 130 or 143 interrupted.",
    .options = OPTIONS,
    .option_count = COUNT(OPTIONS),
    .min_words = 1,
    .max_words = 1,
    .explain = explain_fields,
};

/* "jobs/small.json" -> "small.run". */
static char *default_folder(const char *job)
{
    if (strcmp(job, "-") == 0)
        return xstrdup("stdin.run");
    const char *slash = strrchr(job, '/');
    const char *base = slash ? slash + 1 : job;
    const size_t length = strlen(base);
    const bool json = length > 5 && strcmp(base + length - 5, ".json") == 0;
    return xasprintf("%.*s.run", (int)(json ? length - 5 : length), base);
}

/* ---- The run ---- */

typedef struct {
    JobSpec spec;
    RunFolder folder;
    Dataset *dataset;
    Trainer *trainer;

    Progress progress;

    double seconds_per_example;  // summed over timed_epochs, for the mean
    int timed_epochs;
    TrainEvent now;     // the newest event
    int signal;         // that ended it
    Error write_error;  // that ended it
} Training;

static void note_epoch(Training *r, const EpochCsv *row)
{
    if (row->examples_per_second > 0) {
        r->seconds_per_example += 1 / row->examples_per_second;
        r->timed_epochs++;
    }
}

static void note_earlier_epoch(void *context, const EpochCsv *row)
{
    note_epoch(context, row);
}

static bool record(Training *r, const TrainEvent *e)
{
    if (e->type == TRAIN_POINT)
        return run_folder_point(&r->folder, e, &r->write_error);
    if (e->type != TRAIN_EPOCH)
        return true;
    const EpochCsv row = epoch_row(e);
    note_epoch(r, &row);
    return run_folder_epoch(&r->folder, &row, &r->write_error);
}

static void show(Training *r, const TrainEvent *e)
{
    progress_event(&r->progress, e);
    if (e->type == TRAIN_RESUMED) {
        progress_say(&r->progress, "resumed at step %lld of %lld", (long long)e->step,
                     (long long)e->total_steps);
        if (e->note)
            progress_say(&r->progress, "note: %s", e->note);
    } else if (e->type == TRAIN_EPOCH) {
        char duration[DURATION_TEXT];
        duration_text(e->train_seconds + e->test_seconds, duration);
        progress_say(&r->progress,
                     "epoch %lld/%d: loss %.3f, train acc %.3f, test acc %.3f, %.1f examples/s, "
                     "%s%s",
                     (long long)e->epoch, r->spec.epochs, e->loss, e->accuracy, e->test_accuracy,
                     e->examples_per_second, duration, e->best ? ", best so far" : "");
    }
}

static TrainAnswer on_event(void *context, const TrainEvent *e)
{
    Training *r = context;
    if (!record(r, e))
        return TRAIN_STOP;
    r->now = *e;
    show(r, e);
    r->signal = interrupt_signal();
    return r->signal ? TRAIN_STOP : TRAIN_GO_ON;
}

/* ---- The end ---- */

/* The figures of the weights in model.safetensors: those of the TRAIN_END event. */
static void print_result(Training *r)
{
    const TrainEvent *e = &r->now;
    progress_say(&r->progress, "loss %.3f, train acc %.3f, test acc %.3f", e->loss, e->accuracy,
                 e->test_accuracy);
    char cpu[128];
    cpu_model(cpu, sizeof cpu);
    const double speed =
        r->timed_epochs > 0 ? r->timed_epochs / r->seconds_per_example : e->examples_per_second;
    const int threads = trainer_state(r->trainer)->threads;
    progress_say(&r->progress, "%.1f examples/sec on %s, %d thread%s", speed, cpu, threads,
                 threads == 1 ? "" : "s");
}

static int finish(Training *r, Error *err)
{
    if (!model_save(r->folder.model, trainer_params(r->trainer), r->spec.network->name, err))
        return EXIT_FAILED;
    if (r->now.ending != ENDING_COMPLETED) {
        const TrainConfig config = spec_train_config(&r->spec);
        char sentence[160];
        ending_sentence(r->now.ending, &config.early_ending, &trainer_state(r->trainer)->ending,
                        sentence, sizeof sentence);
        progress_say(&r->progress, "%s", sentence);
    }
    print_result(r);
    return output_finish(&r->progress.output, EXIT_OK);
}

static int run_trainer(Training *r, Error *err)
{
    const bool ended = trainer_run(r->trainer, on_event, r, err);
    progress_clear(&r->progress);
    if (r->write_error.code != ERR_NONE) {
        *err = r->write_error;
        return EXIT_FAILED;
    }
    if (ended)
        return finish(r, err);
    if (err->code != ERR_STOPPED)
        return EXIT_FAILED;
    progress_say(&r->progress, "%s; go on with --resume", err->message);
    *err = (Error){0};
    return 128 + r->signal;
}

static int train(Training *r, const char *out, bool resume, Error *err)
{
    interrupt_install();
    r->progress = progress_new(r->spec.epochs, r->spec.batch_size);
    if (!run_folder_open(out, resume, &r->spec, &r->folder, err))
        return EXIT_FAILED;
    if (resume && !r->folder.has_checkpoint)
        progress_say(&r->progress, "%s has no checkpoint yet: starting from the beginning", out);
    if (!dataset_open(r->spec.dataset, NULL, &r->dataset, err))
        return EXIT_FAILED;
    TrainConfig config = spec_train_config(&r->spec);
    config.dataset = r->dataset;
    config.checkpoint_path = r->folder.checkpoint;
    const char *const from[] = {r->folder.checkpoint};
    config.resume_from = from;
    config.resume_count = r->folder.has_checkpoint;
    config.threads = cpus_granted(r->spec.threads);
    if (r->spec.threads > config.threads)
        progress_say(&r->progress, "note: the job asks for %d threads, and this process may use %d",
                     r->spec.threads, config.threads);
    char *kernels = kernels_file();
    config.autotune_path = kernels;
    const bool made = trainer_new(&config, &r->trainer, err);
    free(kernels);
    if (!made)
        return EXIT_FAILED;
    const TrainState *state = trainer_state(r->trainer);
    if (!run_folder_start(&r->folder, state, note_earlier_epoch, r, err))
        return EXIT_FAILED;
    return run_trainer(r, err);
}

static void print_faults(const char *label, const Faults *faults)
{
    for (int i = 0; i < faults->count && i < FAULTS_MAX; i++)
        fprintf(stderr, "%s: %s%s%s\n", label, faults->items[i].pointer,
                faults->items[i].pointer[0] ? " " : "", faults->items[i].detail);
    if (faults->count > FAULTS_MAX)
        fprintf(stderr, "%s: and %d faults more\n", label, faults->count - FAULTS_MAX);
}

static int read_and_train(const TrainArgs *a)
{
    Training r = {0};
    Faults faults = {0};
    Error err = {0};
    int exit_code = EXIT_USAGE;
    if (job_file_read(a->job, a->sets, a->set_count, &r.spec, &faults, &err)) {
        char *folder = a->out ? xstrdup(a->out) : default_folder(a->job);
        exit_code = train(&r, folder, a->resume, &err);
        free(folder);
    }
    print_faults(strcmp(a->job, "-") == 0 ? "stdin" : a->job, &faults);
    if (err.code != ERR_NONE)
        fprintf(stderr, "googlenetd: %s\n", err.message);
    trainer_free(r.trainer);
    dataset_free(r.dataset);
    run_folder_close(&r.folder);
    spec_free(&r.spec);
    return exit_code;
}

int cmd_train(int argc, char **argv)
{
    TrainArgs a = {0};
    int first_word, exit_code;
    if (args_read(&SYNTAX, argc, argv, &a, &first_word, &exit_code)) {
        a.job = argv[first_word];
        exit_code = read_and_train(&a);
    }
    free(a.sets);
    return exit_code;
}
