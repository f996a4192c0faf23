/* core/evaluate/figures.h -- how good predictions are: accuracy, per class, and who is taken for
 * whom.
 *
 *   precision = hits / guessed    recall = hits / support    f1 = 2 * hits / (guessed + support)
 *
 * for each class; 0 where the denominator is 0. Macro means are over the classes that have examples
 * or guesses; weighted means are by support, so the weighted recall is the accuracy.
 *
 * Loss, accuracy and top-5 accuracy are those of a training's evaluation, summed in the order of
 * the examples: of the same logits they are the same bits.
 *
 * Source   scikit-learn's precision_recall_fscore_support(zero_division=0), of each class with
 *          labels=range(classes).
 */
#pragma once
#include "core/evaluate/predictions.h"

typedef struct {
    int64_t support;  // examples of the class
    int64_t guessed;  // examples taken for it
    int64_t hits;     // both
    double precision, recall, f1;
} ClassFigures;

typedef struct {
    double precision, recall, f1;
} MeanFigures;

/* An entry of the confusion matrix that is not 0. */
typedef struct {
    int truth, guess;
    int64_t count;
} ConfusionCell;

typedef struct {
    int count, classes;
    double loss, accuracy, top5_accuracy;
    ClassFigures *per_class;  // (classes)
    MeanFigures macro;     // of the classes that have examples or guesses, as scikit-learn has it
    MeanFigures weighted;  // by support
    ConfusionCell *cells;  // by truth, then by guess
    int cell_count;
} Figures;

bool figures_measure(const Predictions *p, Figures *f, Error *err);
void figures_free(Figures *f);  // takes {0}

/* The pairs that are confused most, truth and guess in this order, at most `most` of them: by
 * falling count, equal ones as in `cells`. Returns how many. */
int figures_confused(const Figures *f, ConfusionCell *pairs, int most);
