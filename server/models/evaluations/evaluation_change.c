#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/time.h"
#include "server/jobs/events/event_data.h"
#include "server/models/evaluations/evaluations_private.h"
#include "server/store/store_evaluations.h"

bool evaluation_change_begin_new(Evaluations *evaluations, EvaluationChange *change, Error *err)
{
    *change = (EvaluationChange){.evaluations = evaluations};
    return jobs_begin(evaluations->jobs, err);
}

bool evaluation_change_begin(Evaluations *evaluations, int64_t id, EvaluationChange *change,
                             Error *err)
{
    if (!evaluation_change_begin_new(evaluations, change, err))
        return false;
    if (!store_load_evaluation(evaluations->store, id, &change->row, err))
        return evaluation_change_drop(change, err);
    change->before = EVALUATION_STATUS_NAMES[change->row.status];
    return true;
}

static const char *status_now(const EvaluationChange *change)
{
    return change->removed ? "deleted" : EVALUATION_STATUS_NAMES[change->row.status];
}

bool evaluation_change_tell(EvaluationChange *change, Error *err)
{
    Event event = {.time = time_now_ms(),
                   .type = "evaluation",
                   .data = event_evaluation(&change->row, status_now(change), change->before)};
    const bool ok = store_tell_evaluation(change->evaluations->store, change->row.id, &event, err);
    change->last_event = event.id;
    free(event.data);
    return ok;
}

static void log_status(const EvaluationChange *change)
{
    const char *now = status_now(change);
    if (change->before && strcmp(change->before, now) == 0)
        return;
    LOG(change->evaluations->log, LOG_INFO, "evaluation_status",
        log_int("evaluation", change->row.id), log_int("job", change->row.source.job_id),
        log_text("status", now), log_text("previous", change->before),
        log_text("error", change->row.error.message));
}

bool evaluation_change_commit(EvaluationChange *change, EvaluationRow *row, Error *err)
{
    Evaluations *evaluations = change->evaluations;
    if (!change->removed && !store_save_evaluation(evaluations->store, &change->row, err))
        return evaluation_change_drop(change, err);
    if (!jobs_commit(evaluations->jobs, err)) {
        evaluation_row_free(&change->row);
        return false;
    }
    log_status(change);
    if (!change->removed && change->row.status == EVALUATION_QUEUED)
        work_signal_wake(&evaluations->slot.signal);
    if (change->last_event > 0)
        events_publish(jobs_notifier(evaluations->jobs), change->last_event);
    if (row) {
        *row = change->row;
        evaluations_overlay(evaluations, row);
    } else {
        evaluation_row_free(&change->row);
    }
    return true;
}

bool evaluation_change_drop(EvaluationChange *change, const Error *err)
{
    jobs_rollback(change->evaluations->jobs, err);
    evaluation_row_free(&change->row);
    return false;
}

void evaluation_fail(EvaluationRow *row, const char *code, const char *message)
{
    row->status = EVALUATION_FAILED;
    row->finished_at = time_now_ms();
    snprintf(row->error.code, sizeof row->error.code, "%s", code);
    snprintf(row->error.message, sizeof row->error.message, "%s", message);
}
