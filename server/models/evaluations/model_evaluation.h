/* server/models/evaluations/model_evaluation.h -- a model's file set against a data set: everything
 * that is measured, for the command line and for the daemon.
 *
 * The temperature is fitted on examples that the training has held out, never on those that it is
 * judged by; without such examples there is none.
 *
 * Errors   those of evaluation_run and figures_measure; ERR_STOPPED: go_on said no.
 */
#pragma once
#include "core/data/holdout.h"
#include "core/evaluate/calibration.h"
#include "core/evaluate/evaluation.h"
#include "core/evaluate/figures.h"
#include "core/train/files/model_file.h"
#include "server/models/evaluations/evaluation_report.h"
#include "server/settings/spec.h"

typedef struct {
    const ModelFile *model;
    const Dataset *dataset;
    const char *dataset_name;  // as the settings of a job name it: a folder by its absolute name
    const JobSpec *training;   // how it was trained; NULL: not known
    bool train;                // the training split, else the test split
    int limit;                 // the first n of the split; 0: all
    int batch_size;
    bool test_time_flips;          // core/evaluate/flips.h; of the held-out examples, too
    Precision precision;           // AUTO: that of the training, where this CPU is fast at it
    Autotune *autotune;            // borrowed; NULL: oneDNN's kernels alone
    bool (*go_on)(void *context);  // NULL: always
    void (*progress)(void *context, int examples, int total);  // NULL: nobody wants to know
    void *context;
} ModelEvaluationConfig;

typedef struct {
    Evaluation evaluation;
    Figures figures;
    Precision precision;  // that it was computed with
    bool test_time_flips;
    double temperature;  // 0: there is none
    int temperature_examples;
    const char *no_temperature;      // why not; NULL: there is one
    const char *const *class_names;  // of the model, else of the set; NULL: not known. Borrowed
} ModelEvaluation;

/* Whether it will be computed in bfloat16. */
bool model_evaluation_bf16(const ModelEvaluationConfig *config);

/* On the calling thread and its OpenMP team. The caller frees it, also after a failure. */
bool model_evaluation_run(const ModelEvaluationConfig *config, ModelEvaluation *result, Error *err);
void model_evaluation_free(ModelEvaluation *result);  // takes {0}

/* As a report with no mistakes in it, and the ten most confused pairs. */
EvaluationReport model_evaluation_report(const ModelEvaluation *result);
