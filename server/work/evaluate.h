/* server/work/evaluate.h -- one evaluation from its row to what it has found, on the calling
 * thread. */
#pragma once
#include "server/models/evaluations/evaluations.h"
#include "server/work/machine/cpus.h"

typedef struct {
    Evaluations *evaluations;  // borrowed, as all here
    const char *data;          // the daemon's folder
    const char *datasets;      // folder with a folder per known dataset; NULL: the default places
    const SpecSets *sets;      // those that people brought
    const char *kernels;       // path of the autotune cache
    JobThreads threads;
} EvaluateConfig;

/* With the kernels, threads, batch size and precision of the training where they are known: the
 * figures are then those of the training, to the last bit. Told to end it leaves the code "". */
void evaluate(const EvaluateConfig *config, const EvaluationRow *row, EvaluationOutcome *outcome);
