/* server/models/evaluations/evaluation_summary.h -- an evaluation in few numbers, as a model's card
 * shows it.
 */
#pragma once
#include "server/store/rows_evaluation.h"

/* Of one that has succeeded; JSON from malloc: {"id", "dataset": {"id", "name", "digest"}, "split",
 * "count", "accuracy", "top5_accuracy", "loss", "macro_f1", "calibration_error", "temperature",
 * "worst_classes": [{"name", "recall", "precision", "support"}, ...]}. */
char *evaluation_summary(const EvaluationRow *row);
