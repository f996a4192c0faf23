/* server/models/evaluations/evaluations_run.c -- what the thread that evaluates takes and tells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/files/file_read.h"
#include "core/base/memory.h"
#include "server/base/time.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/files/stock.h"
#include "server/models/evaluations/evaluation_summary.h"
#include "server/models/evaluations/evaluations_private.h"
#include "server/models/model_files.h"
#include "server/models/models_change.h"
#include "server/store/store_evaluations.h"
#include "server/store/store_models.h"

/* ---- Take ---- */

/* The oldest queued one becomes running; `row->id` 0: there is none. */
static bool take_next(Evaluations *evaluations, EvaluationRow *row, Error *err)
{
    EvaluationChange change;
    int64_t id = 0;
    *row = (EvaluationRow){0};
    if (!jobs_admits(evaluations->jobs, err)
        || !evaluation_change_begin_new(evaluations, &change, err))
        return false;
    if (!store_next_evaluation(evaluations->store, &id, err)
        || (id > 0 && !store_load_evaluation(evaluations->store, id, &change.row, err)))
        return evaluation_change_drop(&change, err);
    if (id == 0) {
        store_rollback(evaluations->store);
        return true;
    }
    change.before = EVALUATION_STATUS_NAMES[change.row.status];
    change.row.status = EVALUATION_RUNNING;
    change.row.started_at = time_now_ms();
    if (!evaluation_change_tell(&change, err))
        return evaluation_change_drop(&change, err);
    work_slot_begin(&evaluations->slot, id);
    if (evaluation_change_commit(&change, row, err))
        return true;
    work_slot_end(&evaluations->slot);
    return false;
}

bool evaluations_take(Evaluations *evaluations, EvaluationRow *row)
{
    WorkWait wait = {.retry_seconds = WORK_RETRY_SECONDS};
    while (work_signal_wait(&evaluations->slot.signal, &wait)) {
        Error err = {0};
        if (take_next(evaluations, row, &err) && row->id > 0)
            return true;
        if (work_wait_failed(&wait, &err))
            LOG(evaluations->log, LOG_WARNING, "evaluation_waits", log_text("error", err.message));
    }
    return false;
}

static bool find_checkpoint(Evaluations *evaluations, const EvaluationRow *row,
                            EvaluationModel *model, Error *err)
{
    JobInfo job;
    if (!jobs_get(evaluations->jobs, row->source.job_id, &job, err))
        return false;
    model->settings = xstrdup(job.settings);
    job_info_free(&job);
    model->path = job_model_path(evaluations->data, row->source.job_id, row->source.step);
    if (file_is_gone(model->path.text)) {
        fail(err, ERR_NOT_FOUND, "job_%lld has no checkpoint step_%lld any more",
             (long long)row->source.job_id, (long long)row->source.step);
        err->reason = "checkpoint_missing";  // of an evaluation, not of an answer: not by fail_as
        return false;
    }
    return store_kernels(evaluations->store, row->source.job_id, &model->kernels, err);
}

/* The kernels of the job that a version came from are of use as long as there is that job. */
static bool find_version(Evaluations *evaluations, const EvaluationRow *row, EvaluationModel *model,
                         Error *err)
{
    char reference[EVALUATION_MODEL + 24];
    ModelVersion version;
    snprintf(reference, sizeof reference, "%s@%lld", row->source.model,
             (long long)row->source.version);
    if (!models_resolve(evaluations->models, reference, &version, err))
        return false;
    const bool same = version.row.model_id == row->source.model_id
                      || fail(err, ERR_NOT_FOUND, "the model %s is another one now", reference);
    model->path = version.path;
    model->settings = xstrdup(version.row.settings);
    const int64_t job = version.row.source.job_id;
    model_version_free(&version);
    return same && (job == 0 || store_kernels(evaluations->store, job, &model->kernels, err));
}

bool evaluations_model(Evaluations *evaluations, const EvaluationRow *row, EvaluationModel *model,
                       Error *err)
{
    *model = (EvaluationModel){0};
    return row->source.job_id > 0 ? find_checkpoint(evaluations, row, model, err)
                                  : find_version(evaluations, row, model, err);
}

/* A job or a version that was deleted has no files to wait for. */
static bool checkpoint_away(const Evaluations *evaluations, int64_t job_id)
{
    JobInfo job;
    Error gone = {0};
    if (!jobs_get(evaluations->jobs, job_id, &job, &gone))
        return false;
    job_info_free(&job);
    return job_files_away(evaluations->data, job_id);
}

static bool version_away(const Evaluations *evaluations, int64_t model, int64_t number)
{
    VersionRow version;
    Error gone = {0}, why = {0};
    if (!store_version(evaluations->store, model, number, &version, &gone))
        return false;
    version_row_free(&version);
    return file_is_gone(model_version_path(evaluations->data, model, number).text)
           && !stock_is_there(evaluations->store, evaluations->data, STOCK_MODELS, &why);
}

bool evaluations_model_away(Evaluations *evaluations, const EvaluationRow *row)
{
    return row->source.job_id > 0
               ? checkpoint_away(evaluations, row->source.job_id)
               : version_away(evaluations, row->source.model_id, row->source.version);
}

void evaluation_model_free(EvaluationModel *model)
{
    free(model->settings);
    free(model->kernels);
    *model = (EvaluationModel){0};
}

/* ---- Progress ---- */

/* Readers of events see how far it has come. Nothing is lost where that cannot be written. */
static void tell_progress(Evaluations *evaluations, int64_t id)
{
    EvaluationChange change;
    Error err = {0};
    if (!jobs_admits(evaluations->jobs, &err)
        || !evaluation_change_begin(evaluations, id, &change, &err))
        return;
    evaluations_overlay(evaluations, &change.row);
    if (change.row.status != EVALUATION_RUNNING || !evaluation_change_tell(&change, &err))
        evaluation_change_drop(&change, &err);
    else
        evaluation_change_commit(&change, NULL, &err);
}

bool evaluations_go_on(Evaluations *evaluations)
{
    return work_slot_go_on(&evaluations->slot);
}

bool evaluations_pause(Evaluations *evaluations, const char *why)
{
    if (why)
        LOG(evaluations->log, LOG_WARNING, "evaluation_waits", log_text("error", why));
    return work_slot_pause(&evaluations->slot);
}

bool evaluations_progress(Evaluations *evaluations, int64_t done, int64_t total)
{
    bool tell;
    const bool go_on = work_slot_progress(&evaluations->slot, done, total, &tell);
    if (tell)
        tell_progress(evaluations, evaluations->slot.id);
    return go_on;
}

/* ---- End ---- */

/* The row that ends it: what it is, and what it has found. */
static void take_found(EvaluationRow *row, const EvaluationRow *found)
{
    row->status = EVALUATION_SUCCEEDED;
    row->finished_at = time_now_ms();
    row->examples = found->examples;
    row->classes = found->classes;
    row->mistakes = found->mistakes;
    row->loss = found->loss;
    row->accuracy = found->accuracy;
    row->top5_accuracy = found->top5_accuracy;
    row->macro_f1 = found->macro_f1;
    row->calibration_error = found->calibration_error;
    row->temperature = found->temperature;
    row->seconds = found->seconds;
    row->figures = xstrdup(found->figures);
    row->class_names = xstrdup(found->class_names);
}

/* A version that was deleted meanwhile has no card. */
static bool put_on_one_card(Models *models, int64_t model_id, int64_t version, const char *json,
                            Error *err)
{
    Error missing = {0};
    if (models_put_evaluation(models, model_id, version, json, &missing)
        || missing.code == ERR_NOT_FOUND)
        return true;
    *err = missing;
    return false;
}

/* The card of a version shows its newest evaluation of those that are for cards; a version that was
 * a job's checkpoint is the same file. */
static bool put_on_cards(EvaluationChange *change, Error *err)
{
    const EvaluationRow *row = &change->row;
    const Evaluations *evaluations = change->evaluations;
    VersionList same = {0};
    if (!evaluation_is_for_cards(row))
        return true;
    char *json = evaluation_summary(row);
    bool ok = true;
    if (row->source.model_id > 0)
        ok = put_on_one_card(evaluations->models, row->source.model_id, row->source.version, json,
                             err);
    else
        ok = store_checkpoint_versions(evaluations->store, row->source.job_id, row->source.step,
                                       &same, err);
    for (size_t i = 0; ok && i < same.count; i++)
        ok = put_on_one_card(evaluations->models, same.items[i].model_id, same.items[i].version,
                             json, err);
    version_list_free(&same);
    free(json);
    return ok;
}

static bool put_found(EvaluationChange *change, const EvaluationOutcome *outcome, Error *err)
{
    Store *store = change->evaluations->store;
    EvaluationRow *row = &change->row;
    take_found(row, &outcome->found);
    return store_put_figures(store, row, err)
           && store_put_cells(store, row->id, &outcome->cells, err)
           && store_put_mistakes(store, row->id, &outcome->mistakes, err)
           && put_on_cards(change, err);
}

/* True once it is recorded, or has become pointless: cancelled or deleted. */
static bool finish_once(Evaluations *evaluations, int64_t id, const EvaluationOutcome *outcome,
                        Error *err)
{
    EvaluationChange change;
    bool ok = true;
    if (!evaluation_change_begin(evaluations, id, &change, err))
        return err->code == ERR_NOT_FOUND;
    if (change.row.status != EVALUATION_RUNNING) {
        store_rollback(evaluations->store);
        evaluation_row_free(&change.row);
        return true;
    }
    if (outcome->succeeded) {
        ok = put_found(&change, outcome, err);
    } else if (outcome->code[0]) {
        evaluation_fail(&change.row, outcome->code, outcome->message);
    } else {
        change.row.status = EVALUATION_QUEUED;  // at the next start, which is no restart
        change.row.started_at = 0;
    }
    if (!ok || !evaluation_change_tell(&change, err))
        return evaluation_change_drop(&change, err);
    return evaluation_change_commit(&change, NULL, err);
}

static void record_end(Evaluations *evaluations, int64_t id, const EvaluationOutcome *outcome)
{
    bool first = true;
    do {
        Error err = {0};
        if (finish_once(evaluations, id, outcome, &err))
            return;
        // What has found nothing is short: it may have the reserve.
        if (!outcome->succeeded && jobs_make_room(evaluations->jobs, &err)
            && finish_once(evaluations, id, outcome, &err))
            return;
        if (first)  // it may last for hours
            LOG(evaluations->log, LOG_WARNING, "evaluation_not_recorded", log_int("evaluation", id),
                log_text("error", err.message));
        first = false;
    } while (work_signal_pause(&evaluations->slot.signal, WORK_RETRY_SECONDS));
}

void evaluations_finish(Evaluations *evaluations, const EvaluationOutcome *outcome)
{
    record_end(evaluations, evaluations->slot.id, outcome);
    work_slot_end(&evaluations->slot);
}

void evaluation_outcome_free(EvaluationOutcome *outcome)
{
    evaluation_row_free(&outcome->found);
    cell_list_free(&outcome->cells);
    mistake_list_free(&outcome->mistakes);
}

void evaluations_leave(Evaluations *evaluations)
{
    work_signal_leave(&evaluations->slot.signal);
}
