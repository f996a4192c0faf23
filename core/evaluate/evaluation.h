/* core/evaluate/evaluation.h -- a network set against a split of a data set.
 *
 * Errors   ERR_INVALID: the images have other channels than the network takes, or the data set has
 *          more classes than the network tells apart; and those of loader, net and predictions.
 */
#pragma once
#include "core/evaluate/split.h"

typedef struct {
    const Graph *graph;  // as a model made it
    ParamStore *params;  // of it
    Normalization normalization;
    const Dataset *dataset;
    const Split *split;       // one of its own
    const int32_t *examples;  // of the split; NULL: the first `limit`
    int example_count;
    int limit;  // 0: all
    int batch_size;
    bool test_time_flips;  // core/evaluate/flips.h: another figure than without
    bool bf16;
    Autotune *autotune;            // borrowed; NULL: oneDNN's kernels alone
    bool (*go_on)(void *context);  // asked between two parts of a batch; NULL: always
    void (*progress)(void *context, int examples);  // done so far; NULL: nobody wants to know
    void *context;
} EvaluationConfig;

typedef struct {
    Predictions predictions;  // in the order of the examples
    Metrics sum;              // as a training's evaluation adds it up, of `predictions`
    double seconds;           // that the loop took
} Evaluation;

/* On the calling thread and its OpenMP team. The caller frees it, also after a failure. */
bool evaluation_run(const EvaluationConfig *config, Evaluation *evaluation, Error *err);
void evaluation_free(Evaluation *evaluation);  // takes {0}
