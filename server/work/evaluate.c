#include "server/work/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/threads/team.h"
#include "core/evaluate/mistakes.h"
#include "server/base/json/json_text.h"
#include "server/data/dataset_folder.h"
#include "server/models/evaluations/model_evaluation.h"
#include "server/models/model_files.h"
#include "server/work/error_word.h"
#include "server/work/estimate.h"

enum {
    BATCH_DEFAULT = 128,
    MISTAKES_KEPT = 50000,
};

typedef struct {
    const EvaluateConfig *config;
    const EvaluationRow *row;
    EvaluationModel source;
    bool trained;  // `spec` says how
    JobSpec spec;
    ModelFile model;
    Dataset *dataset;
    Autotune *autotune;
    int team;  // threads
    ModelEvaluation result;
} Work;

static bool goes_on(void *context)
{
    const Work *work = context;
    return evaluations_go_on(work->config->evaluations);
}

static void tell(void *context, int examples, int total)
{
    const Work *work = context;
    evaluations_progress(work->config->evaluations, examples, total);
}

/* ---- Before ---- */

/* The settings of a training whose data set has gone cannot be read any more: it is evaluated as a
 * model of unknown origin. */
static void read_training(Work *work)
{
    Faults faults = {0};
    const char *text = work->source.settings;
    cJSON *json = text ? json_parse_text("settings", text, strlen(text), NULL) : NULL;
    work->trained =
        json && spec_read(json, (SpecRules){.sets = work->config->sets}, &work->spec, &faults);
    cJSON_Delete(json);
}

/* Whether the files of the job or the pictures are where a disk is not mounted for now. */
static bool is_away(const Work *work)
{
    const EvaluateConfig *c = work->config;
    return evaluations_model_away(c->evaluations, work->row)
           || datasets_away(c->datasets, c->sets, work->row->dataset.id);
}

static bool wait_for_files(const Work *work, Error *err)
{
    const char *why = "files of it are not there, nor any of others: is a disk not mounted?";
    for (; is_away(work); why = NULL)
        if (!evaluations_pause(work->config->evaluations, why))
            return fail(err, ERR_STOPPED, "it was cancelled, or the daemon leaves");
    return true;
}

static bool open_all(Work *work, Error *err)
{
    const EvaluationRow *row = work->row;
    if (!wait_for_files(work, err)
        || !evaluations_model(work->config->evaluations, row, &work->source, err)
        || !model_file_open_stored(work->source.path.text, &(ModelHints){0}, &work->model, err))
        return false;
    read_training(work);
    return dataset_open_named(work->config->data, work->config->datasets, row->dataset.id,
                              row->dataset.key, &work->dataset, err);
}

static void start_team(Work *work)
{
    work->team =
        team_start(job_threads_for(work->config->threads, work->trained ? work->spec.threads : 0));
    work->autotune = autotune_new();
    if (work->source.kernels)
        autotune_use_record(work->autotune, work->source.kernels, NULL);
    autotune_load(work->autotune, work->config->kernels, NULL);
}

static bool measure(Work *work, Error *err)
{
    const EvaluationRow *row = work->row;
    const bool train = strcmp(row->split, "train") == 0;
    if (!train && work->dataset->test.count == 0)
        return fail(err, ERR_INVALID, "%s has no test examples", row->dataset.name);
    start_team(work);
    const ModelEvaluationConfig how = {
        .model = &work->model,
        .dataset = work->dataset,
        .dataset_name = row->dataset.key,
        .training = work->trained ? &work->spec : NULL,
        .train = train,
        .limit = (int)row->example_limit,
        .batch_size = work->trained ? work->spec.batch_size : BATCH_DEFAULT,
        .test_time_flips = row->test_time_flips,
        .autotune = work->autotune,
        .go_on = goes_on,
        .progress = tell,
        .context = work,
    };
    const bool ok = evaluation_fits(work->model.graph, how.batch_size, model_evaluation_bf16(&how),
                                    work->team, err)
                    && model_evaluation_run(&how, &work->result, err);
    autotune_save(work->autotune, work->config->kernels, NULL);
    return ok;
}

/* ---- What was found ---- */

static char *names_text(const EvaluationReport *report)
{
    cJSON *names = cJSON_CreateArray();
    for (int k = 0; k < report->figures->classes; k++) {
        char number[16];
        snprintf(number, sizeof number, "%d", k);
        const char *name = report->class_names ? report->class_names[k] : number;
        cJSON_AddItemToArray(names, cJSON_CreateString(name));
    }
    return json_take_text(names);
}

/* The report without what has rows of its own, or is the row itself. */
static char *figures_text(const Work *work, const EvaluationReport *report)
{
    cJSON *json = evaluation_to_json(report);
    cJSON_DeleteItemFromObject(json, "confusion");
    cJSON_DeleteItemFromObject(json, "worst");
    cJSON_AddStringToObject(json, "precision", PRECISION_NAMES[work->result.precision]);
    return json_take_text(json);
}

static void keep_cells(const Figures *figures, CellList *list)
{
    list->count = (size_t)figures->cell_count;
    list->items = xcalloc(list->count + 1, sizeof *list->items);
    for (size_t i = 0; i < list->count; i++) {
        const ConfusionCell *cell = &figures->cells[i];
        list->items[i] = (CellRow){cell->truth, cell->guess, cell->count};
    }
}

static void keep_mistakes(const Predictions *predictions, MistakeList *list)
{
    const int most = predictions->count < MISTAKES_KEPT ? predictions->count : MISTAKES_KEPT;
    Mistake *worst = xcalloc((size_t)most + 1, sizeof *worst);
    list->count = (size_t)mistakes_worst(predictions, worst, most);
    list->items = xcalloc(list->count + 1, sizeof *list->items);
    for (size_t i = 0; i < list->count; i++)
        list->items[i] = (MistakeRow){.rank = (int64_t)i + 1,
                                      .example = worst[i].example,
                                      .truth = worst[i].truth,
                                      .guess = worst[i].guess,
                                      .loss = worst[i].loss,
                                      .confidence = worst[i].confidence,
                                      .truth_share = worst[i].truth_share};
    free(worst);
}

static int64_t count_mistakes(const Figures *figures)
{
    int64_t hits = 0;
    for (int k = 0; k < figures->classes; k++)
        hits += figures->per_class[k].hits;
    return figures->count - hits;
}

static void keep(const Work *work, EvaluationOutcome *outcome)
{
    const ModelEvaluation *result = &work->result;
    const Figures *figures = &result->figures;
    const EvaluationReport report = model_evaluation_report(result);
    outcome->succeeded = true;
    outcome->found = (EvaluationRow){
        .examples = figures->count,
        .classes = figures->classes,
        .mistakes = count_mistakes(figures),
        .loss = figures->loss,
        .accuracy = figures->accuracy,
        .top5_accuracy = figures->top5_accuracy,
        .macro_f1 = figures->macro.f1,
        .calibration_error = calibration_measure(report.predictions, 1).expected_error,
        .temperature = result->temperature > 0 ? result->temperature : NAN,
        .seconds = result->evaluation.seconds,
        .figures = figures_text(work, &report),
        .class_names = names_text(&report),
    };
    keep_cells(figures, &outcome->cells);
    keep_mistakes(report.predictions, &outcome->mistakes);
}

void evaluate(const EvaluateConfig *config, const EvaluationRow *row, EvaluationOutcome *outcome)
{
    Work work = {.config = config, .row = row};
    Error err = {0};
    *outcome = (EvaluationOutcome){0};
    if (open_all(&work, &err) && measure(&work, &err)) {
        keep(&work, outcome);
    } else if (err.code != ERR_STOPPED) {
        snprintf(outcome->code, sizeof outcome->code, "%s",
                 err.reason ? err.reason : error_word(err.code));
        snprintf(outcome->message, sizeof outcome->message, "%s", err.message);
    }
    model_evaluation_free(&work.result);
    autotune_free(work.autotune);
    dataset_free(work.dataset);
    model_file_close(&work.model);
    if (work.trained)
        spec_free(&work.spec);
    evaluation_model_free(&work.source);
}
