/* server/data/datasets_import.c -- what the thread that imports asks for and tells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/time.h"
#include "server/data/dataset_files.h"
#include "server/data/datasets_private.h"

// Between two events that tell how far an import has come; between two tries to write.
static const double TELL_SECONDS = 1, RETRY_SECONDS = 1;

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
    // The import is known before the set is seen as started: a cancellation finds it.
    pthread_mutex_lock(&sets->lock);
    sets->active.id = id;
    sets->active.cancel = false;
    sets->active.done = sets->active.total = 0;
    sets->active.taken = 0;
    sets->active.refusal = (Error){0};
    sets->active.told_at = clock_seconds();
    pthread_mutex_unlock(&sets->lock);
    if (set_change_commit(&change, set, err))
        return true;
    pthread_mutex_lock(&sets->lock);
    sets->active.id = 0;
    pthread_mutex_unlock(&sets->lock);
    return false;
}

/* Wait for news, or after a failure for a while. False: to leave. */
static bool wait_for_work(Datasets *sets, int64_t seen, bool failed)
{
    const struct timespec until = clock_after(RETRY_SECONDS);
    int waited = 0;
    pthread_mutex_lock(&sets->lock);
    while (!sets->leaving && sets->changes == seen && waited == 0) {
        if (failed)
            waited = pthread_cond_timedwait(&sets->work, &sets->lock, &until);
        else
            pthread_cond_wait(&sets->work, &sets->lock);
    }
    const bool leaving = sets->leaving;
    pthread_mutex_unlock(&sets->lock);
    return !leaving;
}

bool datasets_take(Datasets *sets, DatasetRow *set)
{
    while (true) {
        Error err = {0};
        pthread_mutex_lock(&sets->lock);
        const int64_t seen = sets->changes;
        const bool leaving = sets->leaving;
        pthread_mutex_unlock(&sets->lock);
        if (leaving)
            return false;
        const bool ok = take_next(sets, set, &err);
        if (ok && set->id > 0)
            return true;
        if (!ok)
            LOG(sets->log, LOG_WARNING, "import_waits", log_text("error", err.message));
        if (!wait_for_work(sets, seen, !ok))
            return false;
    }
}

/* ---- Progress ---- */

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

static bool refuse_room(Datasets *sets, const Error *err)
{
    pthread_mutex_lock(&sets->lock);
    sets->active.refusal = *err;
    pthread_mutex_unlock(&sets->lock);
    return false;
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
    const bool ok = quota_take(sets->quota, bytes, &err);
    if (ok && !quota_disk_has(sets->data, bytes, &err)) {
        quota_give_back(sets->quota, bytes);
        return refuse_room(sets, &err);
    }
    if (!ok)
        return refuse_room(sets, &err);
    sets->active.taken = bytes;
    return true;
}

bool datasets_progress(Datasets *sets, int64_t done, int64_t total)
{
    const double now = clock_seconds();
    pthread_mutex_lock(&sets->lock);
    sets->active.done = done;
    sets->active.total = total;
    const bool go_on =
        !sets->leaving && !sets->active.cancel && sets->active.refusal.code == ERR_NONE;
    const bool first = go_on && total > 0 && sets->active.taken == 0;
    const bool tell = go_on && now - sets->active.told_at >= TELL_SECONDS;
    if (tell)
        sets->active.told_at = now;
    const int64_t id = sets->active.id;
    pthread_mutex_unlock(&sets->lock);
    if (first && !take_room(sets, id, total))
        return false;
    if (tell)
        tell_progress(sets, id);
    return go_on;
}

/* ---- End ---- */

static void set_ready(Datasets *sets, DatasetRow *set, const DatasetOutcome *outcome)
{
    set->status = DATASET_READY;
    set->finished_at = time_now_ms();
    set->class_count = outcome->class_count;
    set->train_count = outcome->train_count;
    set->progress.done = set->progress.total = outcome->train_count + outcome->test_count;
    set->test_count = outcome->test_count;
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

static bool is_leaving(Datasets *sets)
{
    pthread_mutex_lock(&sets->lock);
    const bool leaving = sets->leaving;
    pthread_mutex_unlock(&sets->lock);
    return leaving;
}

/* True once it is recorded, or has become pointless. */
static bool record_end(Datasets *sets, int64_t id, const DatasetOutcome *outcome, bool *over)
{
    while (true) {
        Error err = {0};
        if (finish_once(sets, id, outcome, over, &err))
            return true;
        // A failure frees the disk: it may have the reserve.
        if (!outcome->ready && jobs_make_room(sets->jobs, &err)
            && finish_once(sets, id, outcome, over, &err))
            return true;
        LOG(sets->log, LOG_WARNING, "import_not_recorded", log_int("dataset", id),
            log_text("error", err.message));
        if (is_leaving(sets))
            return false;
        wait_for_work(sets, sets->changes, true);
    }
}

/* The files that the outcome leaves: pixels and report of a ready set, the report of a failed one.
 */
static void clean_up(Datasets *sets, int64_t id, const DatasetOutcome *outcome)
{
    Error err = {0};
    bool ok = true;
    if (outcome->ready || outcome->code[0])
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
    const Error *refusal = &sets->active.refusal;
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
    quota_give_back(sets->quota, sets->active.taken);
    quota_add(sets->quota, dataset_files_bytes(sets->data, id) - source);
    sets->active.taken = 0;
}

void datasets_finish(Datasets *sets, DatasetOutcome *outcome)
{
    bool over = false;
    pthread_mutex_lock(&sets->lock);
    const int64_t id = sets->active.id;
    explain(sets, outcome);
    pthread_mutex_unlock(&sets->lock);
    settle_quota(sets, id);
    const bool recorded = record_end(sets, id, outcome, &over);
    pthread_mutex_lock(&sets->lock);
    sets->active.id = 0;
    pthread_mutex_unlock(&sets->lock);
    if (recorded && over)
        datasets_remove_files(sets, id);  // cancelled or deleted meanwhile
    else if (recorded)
        clean_up(sets, id, outcome);
}

void datasets_leave(Datasets *sets)
{
    pthread_mutex_lock(&sets->lock);
    sets->leaving = true;
    pthread_cond_broadcast(&sets->work);
    pthread_mutex_unlock(&sets->lock);
}
