/* server/models/evaluations/evaluation_report.h -- what an evaluation has found, as JSON and
 * CSV. */
#pragma once
#include <cJSON.h>
#include <stdio.h>

#include "core/evaluate/calibration.h"
#include "core/evaluate/figures.h"

typedef struct {
    const Predictions *predictions;
    const Figures *figures;
    const char *const *class_names;  // `classes` of them; NULL: the classes' numbers
    bool test_time_flips;            // the figures are with them
    int worst, confused;             // how many mistakes and confused pairs to name, at most
    double temperature;              // fitted on other examples; 0: there is none
    int temperature_examples;
    const char *no_temperature;  // why there is none; NULL: nothing is said
} EvaluationReport;

/* {"examples", "loss", "accuracy", "top5_accuracy", "macro", "weighted", "classes": [...],
 * "confusion": [[truth, guess, count], ...] where the count is not 0, "confused": [...],
 * "calibration": {"expected_error", "largest_error", "bins": [...], "temperature", ...},
 * "worst": [...]}; an example is its number in the split. */
cJSON *evaluation_to_json(const EvaluationReport *report);

/* The confusion matrix: a row for each truth, a column for each guess, names before both. From
 * malloc. */
char *evaluation_confusion_csv(const EvaluationReport *report);
