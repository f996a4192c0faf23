/* core/evaluate/split.h -- a net over all examples that a loader has: the one loop of a training's
 * evaluation and of every other.
 *
 * Errors   those of the net; ERR_DAMAGED: dataset_intact said so; ERR_STOPPED: go_on said no, and
 *          what was gathered is of a part.
 */
#pragma once
#include "core/data/loader/loader.h"
#include "core/evaluate/flips.h"
#include "core/evaluate/predictions.h"
#include "core/net/net.h"

typedef struct {
    const Dataset *dataset;  // that the loader reads
    uint64_t seed;           // of what is random in the net, with `step`
    int64_t step;
    bool (*go_on)(void *context);                   // asked between two batches; NULL: always
    void (*progress)(void *context, int examples);  // told after each batch; NULL: nobody
    void *context;
    Predictions *predictions;  // gets logits and labels of loader_examples; NULL: not asked
    double *losses;            // gets those of loader_examples, whose sum is sum->loss; NULL
    Flips *flips;              // with test-time flips, which need predictions; NULL: without
} SplitRun;

/* Adds losses and hits to *sum. The loader stands at the beginning of an epoch, and does so
 * afterwards. */
bool split_evaluate(Net *net, Loader *loader, const SplitRun *run, Metrics *sum, Error *err);
