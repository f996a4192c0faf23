/* server/data/datasets_import.c -- what the thread that imports asks for and tells. */
#include "server/data/datasets_import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/time.h"
#include "server/data/dataset_files.h"
#include "server/data/datasets_private.h"
#include "server/store/store_datasets.h"

/* ---- Take ---- */

/* The oldest set that is to be imported; `set->id` 0: there is none. */
static bool take_next(Datasets *sets, DatasetRow *set, Error *err)
{
    SetChange change;
    int64_t id = 0;
    *set = (DatasetRow){0};
    if (!set_change_begin_new(sets, &change, err))
        return false;
    if (!store_next_import(sets->store, &id, err)
        || (id > 0 && !store_load_dataset(sets->store, id, &change.set, err)))
        return set_change_drop(&change, err);
    if (id == 0) {
        store_rollback(sets->store);
        return true;
    }
    change.before = DATASET_STATUS_NAMES[change.set.status];
    change.set.started_at = time_now_ms();
    sets->room.taken = 0;
    sets->room.refusal = (Error){0};
    work_slot_begin(&sets->slot, id);
    if (set_change_commit(&change, set, err))
        return true;
    work_slot_end(&sets->slot);
    return false;
}

bool datasets_take(Datasets *sets, DatasetRow *set)
{
    WorkWait wait = {.retry_seconds = WORK_RETRY_SECONDS};
    while (work_signal_wait(&sets->slot.signal, &wait)) {
        Error err = {0};
        if (take_next(sets, set, &err) && set->id > 0)
            return true;
        if (work_wait_failed(&wait, &err))
            LOG(sets->log, LOG_WARNING, "import_waits", log_text("error", err.message));
    }
    return false;
}

bool datasets_make_folder(Datasets *sets, int64_t id, Error *err)
{
    return dataset_folder_make(sets->data, id, err)
           && datasets_drop_files(sets, id, dataset_files_remove_import, err);
}

/* ---- Progress ---- */

bool datasets_pause(Datasets *sets, const char *why)
{
    if (why)
        LOG(sets->log, LOG_WARNING, "import_waits", log_text("error", why));
    return work_slot_pause(&sets->slot);
}

/* Readers of events see how far it has come. Nothing is lost where that cannot be written. */
static void tell_progress(Datasets *sets, int64_t id)
{
    SetChange change;
    Error err = {0};
    if (!jobs_admits(sets->jobs, &err) || !set_change_begin(sets, id, &change, &err))
        return;
    datasets_overlay(sets, &change.set);
    if (change.set.status != DATASET_IMPORTING || !set_change_tell(&change, &err))
        set_change_drop(&change, &err);
    else
        set_change_commit(&change, NULL, &err);
}

/* Once it is known how many pictures there are: is there room for their pixels? */
static bool take_room(Datasets *sets, int64_t id, int64_t total)
{
    DatasetRow set;
    Error err = {0};
    if (!store_dataset(sets->store, id, &set, &err))
        return true;  // it will be seen soon enough
    const int64_t side = set.image.size;
    const int64_t bytes = total * side * side * set.image.channels;
    dataset_row_free(&set);
    bool ok = quota_take(sets->quota, bytes, &sets->room.refusal);
    if (ok && !quota_disk_has(sets->data, bytes, &sets->room.refusal)) {
        quota_give_back(sets->quota, bytes);
        ok = false;
    }
    sets->room.taken = ok ? bytes : 0;
    return ok;
}

bool datasets_progress(Datasets *sets, int64_t done, int64_t total)
{
    const int64_t id = sets->slot.id;
    bool tell;
    if (!work_slot_progress(&sets->slot, done, total, &tell) || sets->room.refusal.code != ERR_NONE)
        return false;
    if (total > 0 && sets->room.taken == 0 && !take_room(sets, id, total))
        return false;
    if (tell)
        tell_progress(sets, id);
    return true;
}

/* ---- End ---- */

static void set_ready(Datasets *sets, DatasetRow *set, const DatasetOutcome *outcome)
{
    set->status = DATASET_READY;
    set->finished_at = time_now_ms();
    set->class_count = outcome->class_count;
    set->train_count = outcome->train_count;
    set->test_count = outcome->test_count;
    set->progress.done = set->progress.total = outcome->train_count + outcome->test_count;
    set->left_out_count = outcome->left_out_count;
    free(set->classes);
    free(set->warnings);
    set->classes = xstrdup(outcome->classes);
    set->warnings = xstrdup(outcome->warnings);
    snprintf(set->digest, sizeof set->digest, "%s", outcome->digest);
    set->bytes =
        dataset_files_bytes(sets->data, set->id) - dataset_source_bytes(sets->data, set->id);
}

/* *over: the set has been cancelled or deleted meanwhile, or has come to its end. */
static bool finish_once(Datasets *sets, int64_t id, const DatasetOutcome *outcome, bool *over,
                        Error *err)
{
    SetChange change;
    *over = true;
    if (!set_change_begin(sets, id, &change, err)) {
        *over = err->code == ERR_NOT_FOUND;
        return *over;
    }
    if (change.set.status != DATASET_IMPORTING) {
        store_rollback(sets->store);
        dataset_row_free(&change.set);
        return true;
    }
    *over = false;
    if (outcome->ready) {
        set_ready(sets, &change.set, outcome);
    } else if (outcome->code[0]) {
        set_fail(&change.set, outcome->code, outcome->message);
        change.set.left_out_count = outcome->left_out_count;
    } else {
        change.set.started_at = 0;  // it begins again at the next start, which is no restart
    }
    if (change.set.status != DATASET_IMPORTING && !set_change_tell(&change, err))
        return set_change_drop(&change, err);
    return set_change_commit(&change, NULL, err);
}

/* True once it is recorded, or has become pointless. */
static bool record_end(Datasets *sets, int64_t id, const DatasetOutcome *outcome, bool *over)
{
    bool first = true;
    do {
        Error err = {0};
        if (finish_once(sets, id, outcome, over, &err))
            return true;
        // A failure frees the disk: it may have the reserve.
        if (!outcome->ready && jobs_make_room(sets->jobs, &err)
            && finish_once(sets, id, outcome, over, &err))
            return true;
        if (first)  // it may last for hours
            LOG(sets->log, LOG_WARNING, "import_not_recorded", log_int("dataset", id),
                log_text("error", err.message));
        first = false;
    } while (work_signal_pause(&sets->slot.signal, WORK_RETRY_SECONDS));
    return false;
}

/* Files that the outcome leaves: pixels and report of a ready set, the report of a failed one. A
 * source that was not found may turn up. */
static void clean_up(Datasets *sets, int64_t id, const DatasetOutcome *outcome)
{
    Error err = {0};
    bool ok = true;
    if (outcome->ready || (outcome->code[0] && strcmp(outcome->code, DATASET_SOURCE_MISSING) != 0))
        ok = datasets_drop_files(sets, id, dataset_files_remove_source, &err);
    if (!outcome->ready && !outcome->code[0])
        ok = dataset_files_remove_import(sets->data, id, &err);
    if (!ok)
        LOG(sets->log, LOG_WARNING, "files_left", log_int("dataset", id),
            log_text("error", err.message));
}

/* An import that was ended for want of room has failed. */
static void explain(const Datasets *sets, DatasetOutcome *outcome)
{
    const Error *refusal = &sets->room.refusal;
    if (outcome->ready || outcome->code[0] || refusal->code == ERR_NONE)
        return;
    snprintf(outcome->code, sizeof outcome->code, "%s",
             refusal->reason ? refusal->reason : "disk_full");
    snprintf(outcome->message, sizeof outcome->message, "%s", refusal->message);
}

/* Of the quota it keeps what it has written. */
static void settle_quota(Datasets *sets, int64_t id)
{
    const int64_t source = dataset_source_bytes(sets->data, id);
    quota_give_back(sets->quota, sets->room.taken);
    quota_add(sets->quota, dataset_files_bytes(sets->data, id) - source);
    sets->room.taken = 0;
}

void datasets_finish(Datasets *sets, DatasetOutcome *outcome)
{
    bool over = false;
    const int64_t id = sets->slot.id;
    explain(sets, outcome);
    settle_quota(sets, id);
    const bool recorded = record_end(sets, id, outcome, &over);
    work_slot_end(&sets->slot);
    if (recorded && over)
        datasets_remove_files(sets, id);  // cancelled or deleted meanwhile
    else if (recorded)
        clean_up(sets, id, outcome);
}

void datasets_leave(Datasets *sets)
{
    work_signal_leave(&sets->slot.signal);
}
