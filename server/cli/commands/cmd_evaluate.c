/* googlenetd evaluate -- a trained network set against a data set. */
#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/files/atomic_file.h"
#include "core/base/files/file_read.h"
#include "core/base/files/path.h"
#include "core/base/memory.h"
#include "core/base/nfc.h"
#include "core/base/threads/team.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"
#include "server/cli/args.h"
#include "server/cli/commands/commands.h"
#include "server/cli/dataset_argument.h"
#include "server/cli/evaluation_text.h"
#include "server/cli/job_file.h"
#include "server/cli/model_argument.h"
#include "server/cli/output.h"
#include "server/cli/remote/evaluate_remote.h"
#include "server/cli/run/autotune_cache.h"
#include "server/cli/run/interrupt.h"
#include "server/models/evaluations/model_evaluation.h"
#include "server/work/estimate.h"
#include "server/work/machine/cpus.h"

enum { MAX_RECORD = 1 << 20, BATCH_DEFAULT = 128 };  // bytes of a record of kernels

/* ---- Options ---- */

typedef struct {
    ModelHints hints;
    RemoteAddress remote;
    bool train, json, test_time_flips;
    const char *csv;
    Precision precision;  // AUTO: that of the training, where the file says it
    int limit, batch_size, threads, worst;
} EvaluateArgs;

static bool take_split(void *settings, const char *name, const char *text, Error *err)
{
    EvaluateArgs *a = settings;
    a->train = strcmp(text, "train") == 0;
    return a->train || strcmp(text, "test") == 0
           || fail(err, ERR_INVALID, "--%s must be test or train, got \"%.40s\"", name, text);
}

#define AT(field) .offset = offsetof(EvaluateArgs, field)
static const Option OPTIONS[] = {
    {"split", "test|train", "which examples; else test", OPTION_CALL, .take = take_split},
    {"csv", "FILE", "write the confusion matrix there", OPTION_TEXT, AT(csv)},
    {"limit", "N", "the first N examples of the split; else all", OPTION_INT, AT(limit), .min = 1,
     .max = 1000000000},
    {"worst", "N", "how many of the worst mistakes to name in the JSON; else 10", OPTION_INT,
     AT(worst), .min = 0, .max = 10000},
    {"test-time-flips", NULL, "average each picture's logits with its mirror image's", OPTION_FLAG,
     AT(test_time_flips)},
    {"batch-size", "N", "examples at a time; else 128", OPTION_INT, AT(batch_size), .min = 1,
     .max = 4096},
    {"precision", "WORD", "auto, f32 or bf16; else that of the training", OPTION_PRECISION,
     AT(precision)},
    {"threads", "N", "else, and at most, all that this process may use", OPTION_INT, AT(threads),
     .min = 0, .max = 1024},
    REMOTE_OPTIONS(EvaluateArgs),
    MODEL_HINT_OPTIONS,
    {"json", NULL, "print JSON: all figures, confusions, the reliability diagram, mistakes",
     OPTION_FLAG, AT(json)},
};

static const Syntax SYNTAX = {
    .usage = "evaluate MODEL DATASET [--split test|train] [--json] [--csv FILE] ...",
    .about =
        "Set a trained network against a data set: accuracy, top-5, loss, precision, recall and\n"
        "F1 of each class, confusions, calibration, the worst mistakes. MODEL is a\n"
        "model.safetensors, a checkpoint, or a folder that `googlenetd train` has filled; DATASET\n"
        "is a known name, or a folder with a slash in it. With --server both are names at a\n"
        "daemon, which evaluates, and keeps what it finds. Where the model's training held\n"
        "examples out (the job.json beside it says so), the temperature that calibrates it is\n"
        "fitted on those.",
    .options = OPTIONS,
    .option_count = COUNT(OPTIONS),
    .min_words = 2,
    .max_words = 2,
};

/* ---- A model, a data set, and what was found ---- */

typedef struct {
    const EvaluateArgs *args;
    const char *dataset_name;
    char *path;  // of the model's file
    ModelFile model;
    Dataset *dataset;
    Autotune *autotune;
    int team;  // threads
    ModelEvaluation result;
} EvaluateSession;

static bool goes_on(void *context)
{
    (void)context;
    return interrupt_signal() == 0;
}

/* The path of a file beside the model's; from malloc. */
static char *beside(const EvaluateSession *r, const char *name)
{
    return xasprintf("%.*s%s", (int)(path_name(r->path) - r->path), r->path, name);
}

/* How it was trained, where its job lies beside it. */
static bool read_training(const EvaluateSession *r, JobSpec *spec)
{
    Faults faults = {0};
    char *job = beside(r, "job.json");
    const bool read = access(job, R_OK) == 0 && job_file_read(job, NULL, 0, spec, &faults, NULL);
    free(job);
    return read;
}

/* The kernels of the training, where their record lies beside the model: the same bits; else those
 * of the cache. Neither is needed. */
static void load_kernels(EvaluateSession *r, const char *cache)
{
    char *path = beside(r, "kernels.txt");
    uint8_t *record = NULL;
    size_t size;
    r->autotune = autotune_new();
    if (access(path, R_OK) == 0 && file_read(path, MAX_RECORD, &record, &size, NULL))
        autotune_use_record(r->autotune, (const char *)record, NULL);
    if (cache)
        autotune_load(r->autotune, cache, NULL);
    free(record);
    free(path);
}

static bool evaluate(EvaluateSession *r, Error *err)
{
    const EvaluateArgs *a = r->args;
    JobSpec spec = {0};
    const bool known = read_training(r, &spec);
    char *folder = dataset_argument_absolute(r->dataset_name, sizeof spec.dataset);
    const ModelEvaluationConfig config = {.model = &r->model,
                                          .dataset = r->dataset,
                                          .dataset_name = folder ? folder : r->dataset_name,
                                          .training = known ? &spec : NULL,
                                          .train = a->train,
                                          .limit = a->limit,
                                          .batch_size = a->batch_size,
                                          .test_time_flips = a->test_time_flips,
                                          .precision = a->precision,
                                          .autotune = r->autotune,
                                          .go_on = goes_on};
    const bool ok =
        evaluation_fits(r->model.graph, a->batch_size, model_evaluation_bf16(&config), r->team, err)
        && model_evaluation_run(&config, &r->result, err);
    if (known)
        spec_free(&spec);
    free(folder);
    return ok;
}

static bool measure(EvaluateSession *r, Error *err)
{
    char *cache = autotune_cache_path(NULL);
    const int output = output_divert(r->args->json);
    r->team = team_start(cpus_granted(r->args->threads));
    load_kernels(r, cache);
    const bool ok = evaluate(r, err);
    if (cache)
        autotune_save(r->autotune, cache, NULL);
    free(cache);
    output_restore(output);
    return ok;
}

/* ---- Results ---- */

static EvaluationReport report_of(const EvaluateSession *r)
{
    EvaluationReport report = model_evaluation_report(&r->result);
    report.worst = r->args->worst;
    return report;
}

static void print_json(const EvaluateSession *r, const EvaluationReport *report)
{
    cJSON *json = cJSON_CreateObject(), *figures = evaluation_to_json(report);
    json_add_path(json, "model", r->path);
    cJSON_AddStringToObject(json, "network", r->model.info.network);
    json_add_path(json, "dataset", r->dataset_name);
    cJSON_AddStringToObject(json, "split", r->args->train ? "train" : "test");
    cJSON_AddBoolToObject(json, "test_time_flips", r->args->test_time_flips);
    cJSON_AddStringToObject(json, "precision", PRECISION_NAMES[r->result.precision]);
    cJSON_AddNumberToObject(json, "seconds", r->result.evaluation.seconds);
    while (figures->child) {
        cJSON *item = cJSON_DetachItemViaPointer(figures, figures->child);
        cJSON_AddItemToObject(json, item->string, item);
    }
    output_json(json);
    cJSON_Delete(figures);
    cJSON_Delete(json);
}

static void print_text(const EvaluationReport *report)
{
    cJSON *figures = evaluation_to_json(report);
    evaluation_text_print(figures, report->test_time_flips);
    cJSON_Delete(figures);
}

/* Classes of one number may be others all the same. */
static void note_other_classes(const EvaluateSession *r)
{
    const ModelInfo *info = &r->model.info;
    for (int k = 0; info->class_names && k < r->dataset->classes; k++) {
        if (nfc_equal(info->class_names[k], r->dataset->class_names[k]))
            continue;
        output_error("note: class %d of the network is %s, of the data set %s", k,
                     info->class_names[k], r->dataset->class_names[k]);
        return;
    }
}

static bool show(const EvaluateSession *r, Error *err)
{
    const EvaluationReport report = report_of(r);
    if (r->args->json)
        print_json(r, &report);
    else
        print_text(&report);
    note_other_classes(r);
    if (!r->args->csv)
        return true;
    char *text = evaluation_confusion_csv(&report);
    const bool ok = atomic_file_save(r->args->csv, text, strlen(text), err);
    free(text);
    return ok;
}

/* ---- By a daemon ---- */

static bool evaluate_there(const EvaluateArgs *a, const char *model, const char *dataset,
                           Error *err)
{
    Remote *remote = NULL;
    cJSON *evaluation = NULL;
    const EvaluateRequest request = {.model = model,
                                     .dataset = dataset,
                                     .train = a->train,
                                     .limit = a->limit,
                                     .test_time_flips = a->test_time_flips,
                                     .worst = a->json ? a->worst : 0,
                                     .csv = a->csv};
    const bool ok = output_file_possible(a->csv, err) && remote_open(&a->remote, &remote, err)
                    && evaluate_remote(remote, &request, &evaluation, err);
    if (evaluation && a->json) {
        json_keep_numbers(evaluation);
        output_json(evaluation);
    } else if (evaluation) {
        evaluation_text_print(cJSON_GetObjectItem(evaluation, "figures"), a->test_time_flips);
    }
    cJSON_Delete(evaluation);
    remote_close(remote);
    return ok;
}

/* ---- The command ---- */

static bool evaluate_here(EvaluateSession *r, const char *model, Error *err)
{
    const char *csv = r->args->csv;
    return model_argument_open(model, &r->args->hints, &r->path, &r->model, err)
           && (!csv || model_argument_spared(r->path, "--csv", csv, err))
           && output_file_possible(csv, err)
           && dataset_argument_open(r->dataset_name, &r->dataset, err) && measure(r, err)
           && show(r, err);
}

static void run_free(EvaluateSession *r)
{
    model_evaluation_free(&r->result);
    autotune_free(r->autotune);
    dataset_free(r->dataset);
    model_file_close(&r->model);
    free(r->path);
}

int cmd_evaluate(int argc, char **argv)
{
    EvaluateArgs a = {.worst = 10};
    int first_word, exit_code;
    Error err = {0};
    if (!args_read(&SYNTAX, argc, argv, &a, &first_word, &exit_code))
        return exit_code;
    if (!args_precision_fits(a.precision))
        return EXIT_USAGE;
    const bool how = a.threads || a.batch_size || a.precision != PRECISION_AUTO;
    if (!output_file_named("csv", a.csv, &err)
        || (a.remote.server && !model_argument_remote(&a.hints, how, &err))) {
        output_error("%s", err.message);
        return EXIT_USAGE;
    }
    a.batch_size = a.batch_size ? a.batch_size : BATCH_DEFAULT;
    interrupt_install();
    EvaluateSession r = {.args = &a, .dataset_name = argv[first_word + 1]};
    const bool ok = a.remote.server ? evaluate_there(&a, argv[first_word], r.dataset_name, &err)
                                    : evaluate_here(&r, argv[first_word], &err);
    if (!ok)
        output_error("%s", err.message);
    const bool stopped = err.code == ERR_STOPPED && interrupt_signal();
    run_free(&r);
    return ok ? EXIT_OK : stopped ? 128 + interrupt_signal() : EXIT_FAILED;
}
