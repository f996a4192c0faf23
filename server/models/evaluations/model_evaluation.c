#include "server/models/evaluations/model_evaluation.h"

#include <string.h>

#include "core/data/packed/packed_index.h"

enum { CONFUSED = 10 };

typedef struct {
    const ModelEvaluationConfig *config;
    int before, total;  // examples of the parts that are done, and of all
} Work;

static bool goes_on(void *context)
{
    const Work *work = context;
    return !work->config->go_on || work->config->go_on(work->config->context);
}

static void tell(void *context, int examples)
{
    const Work *work = context;
    if (work->config->progress)
        work->config->progress(work->config->context, work->before + examples, work->total);
}

static Precision precision_of(const ModelEvaluationConfig *c)
{
    const Precision trained = c->model->info.precision;
    if (c->precision == PRECISION_AUTO && trained == PRECISION_BF16 && !net_bf16_is_fast())
        return PRECISION_F32;
    return precision_resolve(c->precision == PRECISION_AUTO ? trained : c->precision);
}

bool model_evaluation_bf16(const ModelEvaluationConfig *c)
{
    return precision_of(c) == PRECISION_BF16;
}

static EvaluationConfig evaluation_config(Work *work)
{
    const ModelEvaluationConfig *c = work->config;
    return (EvaluationConfig){.graph = c->model->graph,
                              .params = c->model->params,
                              .normalization = c->model->info.normalization,
                              .dataset = c->dataset,
                              .split = c->train ? &c->dataset->train : &c->dataset->test,
                              .limit = c->limit,
                              .batch_size = c->batch_size,
                              .test_time_flips = c->test_time_flips,
                              .bf16 = model_evaluation_bf16(c),
                              .autotune = c->autotune,
                              .go_on = goes_on,
                              .progress = tell,
                              .context = work};
}

/* ---- Temperature ---- */

/* Whether the model was trained on this data set. A set may be moved, and another one may have its
 * name by now: where both have a digest, it says which set it is, and else the name. */
static bool is_set_of_training(const ModelEvaluationConfig *c)
{
    const char *was = c->model->info.dataset_digest;
    const PackedIndex *is = c->dataset->packed;
    return was && is ? strcmp(was, is->digest) == 0
                     : strcmp(c->training->dataset, c->dataset_name) == 0;
}

/* The examples that the training has held out of this data set; else why there are none. */
static const char *find_held_out(const ModelEvaluationConfig *c, Holdout *held)
{
    const JobSpec *spec = c->training;
    const Split *train = &c->dataset->train;
    if (!spec)
        return "it is not known how the model was trained";
    if (spec->validation_split <= 0)
        return "the training held no examples out (validation_split)";
    if (!is_set_of_training(c))
        return "the training held examples out of another data set";
    const int limit = spec->train_limit;
    const int count = limit > 0 && limit < train->count ? limit : train->count;
    if (!holdout_new(train, count, c->dataset->classes, spec->validation_split, spec->seed, held,
                     NULL))
        return "the examples that the training held out cannot be told any more";
    return NULL;
}

static bool fit_temperature(Work *work, const Holdout *held, ModelEvaluation *result, Error *err)
{
    Evaluation e;
    EvaluationConfig config = evaluation_config(work);
    config.split = &work->config->dataset->train;
    config.limit = 0;
    config.examples = held->validation;
    config.example_count = held->validation_count;
    const bool ok = evaluation_run(&config, &e, err) && predictions_check(&e.predictions, err);
    if (ok) {
        result->temperature = temperature_fit(&e.predictions);
        result->temperature_examples = e.predictions.count;
    }
    evaluation_free(&e);
    return ok;
}

/* ---- All of it ---- */

static const char *const *names_of(const ModelEvaluationConfig *c)
{
    const bool same = c->dataset->classes == c->model->info.classes;
    const char *const *names = c->model->info.class_names;
    return names ? names : same ? c->dataset->class_names : NULL;
}

bool model_evaluation_run(const ModelEvaluationConfig *config, ModelEvaluation *result, Error *err)
{
    const Split *split = config->train ? &config->dataset->train : &config->dataset->test;
    const bool limited = config->limit > 0 && config->limit < split->count;
    const int examples = limited ? config->limit : split->count;
    Work work = {.config = config, .total = examples};
    Holdout held = {0};
    *result = (ModelEvaluation){.precision = precision_of(config),
                                .test_time_flips = config->test_time_flips,
                                .class_names = names_of(config),
                                .no_temperature = find_held_out(config, &held)};
    work.total += held.validation_count;
    const EvaluationConfig how = evaluation_config(&work);
    bool ok = evaluation_run(&how, &result->evaluation, err)
              && figures_measure(&result->evaluation.predictions, &result->figures, err);
    work.before = examples;
    if (ok && !result->no_temperature)
        ok = fit_temperature(&work, &held, result, err);
    holdout_free(&held);
    return ok;
}

void model_evaluation_free(ModelEvaluation *result)
{
    figures_free(&result->figures);
    evaluation_free(&result->evaluation);
    *result = (ModelEvaluation){0};
}

EvaluationReport model_evaluation_report(const ModelEvaluation *result)
{
    return (EvaluationReport){.predictions = &result->evaluation.predictions,
                              .figures = &result->figures,
                              .class_names = result->class_names,
                              .test_time_flips = result->test_time_flips,
                              .confused = CONFUSED,
                              .temperature = result->temperature,
                              .temperature_examples = result->temperature_examples,
                              .no_temperature = result->no_temperature};
}
