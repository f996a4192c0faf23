#include "server/work/evaluator.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/threads/niceness.h"
#include "server/base/threads/timed_thread.h"

struct Evaluator {
    EvaluateConfig how;
    Log *log;
    TimedThread thread;
};

static void evaluate_one(const Evaluator *evaluator, const EvaluationRow *row)
{
    EvaluationOutcome outcome;
    const double began = clock_seconds();
    evaluate(&evaluator->how, row, &outcome);
    LOG(evaluator->log, LOG_INFO, "evaluation_ended", log_int("evaluation", row->id),
        log_int("examples", outcome.found.examples), log_real("accuracy", outcome.found.accuracy),
        log_real("seconds", clock_seconds() - began), log_text("error", outcome.message));
    evaluations_finish(evaluator->how.evaluations, &outcome);
    evaluation_outcome_free(&outcome);
}

static void *work(void *context)
{
    Evaluator *evaluator = context;
    niceness_add(10);  // behind the trainings
    for (EvaluationRow row; evaluations_take(evaluator->how.evaluations, &row);) {
        evaluate_one(evaluator, &row);
        evaluation_row_free(&row);
    }
    return NULL;
}

bool evaluator_start(const EvaluatorConfig *config, Evaluator **out, Error *err)
{
    Evaluator *evaluator = xcalloc(1, sizeof *evaluator);
    evaluator->how = config->how;
    evaluator->log = config->log;
    const bool ok =
        timed_thread_start(&evaluator->thread, work, evaluator, "the thread that evaluates", err);
    *out = ok ? evaluator : NULL;
    if (!ok)
        free(evaluator);
    return ok;
}

bool evaluator_stop(Evaluator *evaluator, double seconds)
{
    if (!evaluator)
        return true;
    evaluations_leave(evaluator->how.evaluations);
    if (!timed_thread_join(&evaluator->thread, seconds))
        return false;
    free(evaluator);
    return true;
}
