/* server/models/evaluations/evaluation_summary.h -- an evaluation in few numbers, as a model's card
 * shows it.
 */
#pragma once
#include <stdbool.h>

#include "server/store/rows_evaluation.h"

/* Whether cards show what it has found as the model's figures: on test examples, and without
 * test-time flips, since predictions are made without them. */
bool evaluation_is_for_cards(const EvaluationRow *row);

/* Of one that has succeeded; JSON from malloc: {"id", "dataset": {"id", "name", "digest"}, "split",
 * "count", "accuracy", "top5_accuracy", "loss", "macro_f1", "calibration_error", "temperature",
 * "worst_classes": [{"name", "recall", "precision", "support"}, ...], "untested": {"count",
 * "names"}}: how many classes had no examples, and the first of them by name. */
char *evaluation_summary(const EvaluationRow *row);
