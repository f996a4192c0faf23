/* server/work/evaluator.h -- the thread that evaluates, one at a time, beside the trainings.
 *
 * It has the lowest claim on the cores: a training beside it is hardly slower, and what nobody
 * waits for at a set time takes what is left.
 */
#pragma once
#include "server/work/evaluate.h"

typedef struct Evaluator Evaluator;

typedef struct {
    EvaluateConfig how;
    Log *log;  // borrowed
} EvaluatorConfig;

/* ERR_NO_MEMORY: no thread is available. */
bool evaluator_start(const EvaluatorConfig *config, Evaluator **evaluator, Error *err);

/* Tell it to end, and wait so long for it. False: it was too slow, and the process must now end
 * without freeing anything it uses. The evaluation begins again at the next start. Takes NULL. */
bool evaluator_stop(Evaluator *evaluator, double seconds);
