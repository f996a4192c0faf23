/* DESIGN. As with the jobs and the data sets, the store is the truth: every call reads it, and
 * every change is one transaction that reads the evaluation, alters it and tells an event
 * (evaluation_change.c). The progress of the one that runs is kept beside it in memory and merged
 * into the answers. What it has found is written in the transaction that ends it: either all of it
 * is there, or none. */
#include "server/models/evaluations/evaluations.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/time.h"
#include "server/models/evaluations/evaluations_private.h"
#include "server/store/store_evaluations.h"

enum { MAX_RESTARTS = 3 };

/* ---- Open and close ---- */

static bool restart(Evaluations *evaluations, int64_t id, Error *err)
{
    EvaluationChange change;
    char message[DATASET_TEXT];
    if (!evaluation_change_begin(evaluations, id, &change, err))
        return false;
    EvaluationRow *row = &change.row;
    row->restart_count++;
    row->started_at = 0;
    row->status = EVALUATION_QUEUED;
    snprintf(message, sizeof message, "the daemon died %d times while it ran", row->restart_count);
    if (row->restart_count > MAX_RESTARTS)
        evaluation_fail(row, "restarts", message);
    if (!evaluation_change_tell(&change, err))
        return evaluation_change_drop(&change, err);
    return evaluation_change_commit(&change, NULL, err);
}

static bool recover(Evaluations *evaluations, Error *err)
{
    const EvaluationQuery query = {.limit = 1, .statuses = 1u << EVALUATION_RUNNING};
    while (true) {
        EvaluationList list;
        if (!store_evaluations(evaluations->store, &query, &list, err))
            return false;
        const int64_t id = list.count > 0 ? list.items[0].id : 0;
        evaluation_list_free(&list);
        if (id == 0)
            return true;
        if (!restart(evaluations, id, err)
            && !(jobs_make_room(evaluations->jobs, err) && restart(evaluations, id, err)))
            return false;
    }
}

static void wake(void *context)
{
    Evaluations *evaluations = context;
    work_signal_wake(&evaluations->slot.signal);
}

bool evaluations_open(const EvaluationsConfig *config, Evaluations **out, Error *err)
{
    Evaluations *evaluations = xcalloc(1, sizeof *evaluations);
    evaluations->data = xstrdup(config->data);
    evaluations->most = config->most;
    evaluations->jobs = config->jobs;
    evaluations->models = config->models;
    evaluations->store = jobs_store(config->jobs);
    evaluations->log = config->log;
    work_slot_init(&evaluations->slot);
    const bool ok = recover(evaluations, err);
    if (ok)
        jobs_on_evaluation(config->jobs, wake, evaluations);
    else
        evaluations_close(evaluations);
    *out = ok ? evaluations : NULL;
    return ok;
}

void evaluations_close(Evaluations *evaluations)
{
    if (!evaluations)
        return;
    work_slot_destroy(&evaluations->slot);
    free(evaluations->data);
    free(evaluations);
}

/* ---- Look ---- */

void evaluations_overlay(Evaluations *evaluations, EvaluationRow *row)
{
    if (row->status == EVALUATION_SUCCEEDED)
        row->progress.done = row->progress.total = row->examples;
    if (row->status == EVALUATION_RUNNING)
        work_slot_read(&evaluations->slot, row->id, &row->progress.done, &row->progress.total);
}

bool evaluations_get(Evaluations *evaluations, int64_t id, EvaluationRow *row, Error *err)
{
    if (!store_evaluation(evaluations->store, id, row, err))
        return false;
    evaluations_overlay(evaluations, row);
    return true;
}

bool evaluations_list(Evaluations *evaluations, const EvaluationQuery *query, EvaluationList *list,
                      Error *err)
{
    if (!store_evaluations(evaluations->store, query, list, err))
        return false;
    for (size_t i = 0; i < list->count; i++)
        evaluations_overlay(evaluations, &list->items[i]);
    return true;
}

bool evaluations_cells(Evaluations *evaluations, int64_t id, CellList *list, Error *err)
{
    return store_cells(evaluations->store, id, list, err);
}

bool evaluations_mistakes(Evaluations *evaluations, const MistakeQuery *query, MistakeList *list,
                          Error *err)
{
    return store_mistakes(evaluations->store, query, list, err);
}

/* ---- Create, change, cancel, delete ---- */

static bool check_room(Evaluations *evaluations, Error *err)
{
    int64_t count = 0;
    if (work_signal_leaving(&evaluations->slot.signal))
        return fail(err, ERR_STOPPED, "the daemon is shutting down and takes no new evaluations");
    if (!jobs_admits(evaluations->jobs, err)
        || !store_evaluation_count(evaluations->store, &count, err))
        return false;
    return count < evaluations->most
           || fail_as(
               err, ERR_CONFLICT, "store_full",
               "limits.evaluations allows %d stored evaluations and no more: delete some first",
               evaluations->most);
}

bool evaluations_replay(Evaluations *evaluations, RequestKey key, EvaluationRow *row,
                        bool *replayed, Error *err)
{
    int64_t id;
    *replayed = false;
    if (!store_key(evaluations->store, KEY_OF_EVALUATION, key, &id, err))
        return false;
    return id == 0 || jobs_replay_found(evaluations_get(evaluations, id, row, err), replayed, err);
}

bool evaluations_create(Evaluations *evaluations, RequestKey key, EvaluationRow *row,
                        bool *replayed, Error *err)
{
    EvaluationChange change;
    int64_t before;
    *replayed = false;
    if (!check_room(evaluations, err) || !evaluation_change_begin_new(evaluations, &change, err))
        return false;
    if (!store_find_key(evaluations->store, KEY_OF_EVALUATION, key, &before, err))
        return evaluation_change_drop(&change, err);
    if (before > 0) {  // the same request has come twice at once
        evaluation_change_drop(&change, NULL);
        *replayed = true;
        return evaluations_get(evaluations, before, row, err);
    }
    change.row = *row;
    change.row.metadata = xstrdup("{}");
    change.row.status = EVALUATION_QUEUED;
    change.row.created_at = time_now_ms();
    change.row.temperature = NAN;
    if (!store_add_evaluation(evaluations->store, &change.row, err)
        || !store_add_key(evaluations->store, KEY_OF_EVALUATION, key, change.row.id, err)
        || !evaluation_change_tell(&change, err))
        return evaluation_change_drop(&change, err);
    return evaluation_change_commit(&change, row, err);
}

bool evaluations_edit(Evaluations *evaluations, int64_t id, EvaluationEditor edit, void *context,
                      Error *err)
{
    EvaluationChange change;
    if (!jobs_admits(evaluations->jobs, err)
        || !evaluation_change_begin(evaluations, id, &change, err))
        return false;
    EvaluationRow *row = &change.row;
    char name[EVALUATION_NAME], *metadata = xstrdup(row->metadata);
    memcpy(name, row->name, sizeof name);
    evaluations_overlay(evaluations, row);
    const bool ok = edit(context, row, err);
    const bool same = strcmp(name, row->name) == 0 && strcmp(metadata, row->metadata) == 0;
    free(metadata);
    if (ok && same) {
        store_rollback(evaluations->store);
        evaluation_row_free(row);
        return true;
    }
    if (!ok || !evaluation_change_tell(&change, err))
        return evaluation_change_drop(&change, err);
    return evaluation_change_commit(&change, NULL, err);
}

static bool allowed(const EvaluationChange *change, const EvaluationGuard *guard, Error *err)
{
    return !guard || guard->allow(guard->context, change->row.id, err);
}

static bool cancel_once(Evaluations *evaluations, int64_t id, const EvaluationGuard *guard,
                        EvaluationRow *row, Error *err)
{
    EvaluationChange change;
    if (!evaluation_change_begin(evaluations, id, &change, err))
        return false;
    const EvaluationStatus status = change.row.status;
    if (!allowed(&change, guard, err))
        return evaluation_change_drop(&change, err);
    if (status == EVALUATION_FAILED && strcmp(change.row.error.code, "cancelled") == 0) {
        store_rollback(evaluations->store);
        *row = change.row;
        return true;
    }
    if (status == EVALUATION_SUCCEEDED || status == EVALUATION_FAILED) {
        fail_as(err, ERR_CONFLICT, "evaluation_is_done", "cannot cancel an evaluation that has %s",
                EVALUATION_STATUS_NAMES[status]);
        return evaluation_change_drop(&change, err);
    }
    evaluation_fail(&change.row, "cancelled", "it was cancelled");
    if (!evaluation_change_tell(&change, err))
        return evaluation_change_drop(&change, err);
    if (!evaluation_change_commit(&change, row, err))
        return false;
    work_slot_cancel(&evaluations->slot, id);
    return true;
}

bool evaluations_cancel(Evaluations *evaluations, int64_t id, const EvaluationGuard *guard,
                        EvaluationRow *row, Error *err)
{
    return cancel_once(evaluations, id, guard, row, err)
           || (jobs_make_room(evaluations->jobs, err)
               && cancel_once(evaluations, id, guard, row, err));
}

static bool delete_once(Evaluations *evaluations, int64_t id, const EvaluationGuard *guard,
                        Error *err)
{
    EvaluationChange change;
    int64_t oldest = 0;
    if (!evaluation_change_begin(evaluations, id, &change, err))
        return false;
    change.removed = true;
    if (!allowed(&change, guard, err) || !store_remove_evaluation(evaluations->store, id, err)
        || !evaluation_change_tell(&change, err)
        || !store_prune_events(evaluations->store, &oldest, err))
        return evaluation_change_drop(&change, err);
    if (!evaluation_change_commit(&change, NULL, err))
        return false;
    events_pruned(jobs_notifier(evaluations->jobs), oldest);
    return true;
}

bool evaluations_delete(Evaluations *evaluations, int64_t id, const EvaluationGuard *guard,
                        Error *err)
{
    if (!delete_once(evaluations, id, guard, err)
        && !(jobs_make_room(evaluations->jobs, err) && delete_once(evaluations, id, guard, err)))
        return false;
    work_slot_cancel(&evaluations->slot, id);
    jobs_rows_removed(evaluations->jobs);
    return true;
}
