/* server/data/datasets_end.c -- cancel what a data set waits for, delete it, remove its files. */
#include <string.h>

#include "server/data/dataset_files.h"
#include "server/data/datasets_import.h"
#include "server/data/datasets_private.h"
#include "server/jobs/files/stock.h"
#include "server/store/store_datasets.h"

/* As clients see it: with the progress of an import that runs. */
static bool allowed(SetChange *change, const DatasetGuard *guard, Error *err)
{
    DatasetRow shown = change->set;
    datasets_overlay(change->sets, &shown);
    return !guard || guard->allow(guard->context, &shown, err);
}

static bool cancel_once(Datasets *sets, int64_t id, const DatasetGuard *guard, DatasetRow *set,
                        Error *err)
{
    SetChange change;
    if (!set_change_begin(sets, id, &change, err))
        return false;
    const DatasetStatus status = change.set.status;
    if (!allowed(&change, guard, err))
        return set_change_drop(&change, err);
    if (status == DATASET_FAILED && strcmp(change.set.error.code, "cancelled") == 0) {
        store_rollback(sets->store);
        *set = change.set;
        return true;
    }
    if (status == DATASET_READY || status == DATASET_FAILED) {
        fail_as(err, ERR_CONFLICT, "dataset_is_done", "cannot cancel a data set that is %s",
                DATASET_STATUS_NAMES[status]);
        return set_change_drop(&change, err);
    }
    set_fail(&change.set, "cancelled", "it was cancelled");
    if (!set_change_tell(&change, err))
        return set_change_drop(&change, err);
    if (!set_change_commit(&change, set, err))
        return false;
    if (!work_slot_cancel(&sets->slot, id))
        datasets_drop_files(sets, id, dataset_files_remove, NULL);
    return true;
}

bool datasets_cancel(Datasets *sets, int64_t id, const DatasetGuard *guard, DatasetRow *set,
                     Error *err)
{
    return cancel_once(sets, id, guard, set, err)
           || (jobs_make_room(sets->jobs, err) && cancel_once(sets, id, guard, set, err));
}

static bool check_unused(SetChange *change, Error *err)
{
    int64_t job = 0;
    if (!store_dataset_user(change->sets->store, change->set.id, &job, err))
        return false;
    return job == 0
           || fail_as(err, ERR_CONFLICT, "dataset_in_use",
                      "cannot delete %s: job_%lld trains on it; stop that first", change->set.name,
                      (long long)job);
}

/* *away: why its files are out of reach, if they are. */
static bool delete_once(Datasets *sets, int64_t id, const DatasetGuard *guard, Error *away,
                        Error *err)
{
    SetChange change;
    int64_t oldest = 0;
    stock_is_there(sets->store, sets->data, STOCK_DATASETS, away);  // as long as its row is
    if (!set_change_begin(sets, id, &change, err))
        return false;
    change.removed = true;
    if (!allowed(&change, guard, err) || !check_unused(&change, err)
        || !store_remove_dataset(sets->store, id, err) || !set_change_tell(&change, err)
        || !store_prune_events(sets->store, &oldest, err))
        return set_change_drop(&change, err);
    if (!set_change_commit(&change, NULL, err))
        return false;
    events_pruned(jobs_notifier(sets->jobs), oldest);
    return true;
}

bool datasets_drop_files(Datasets *sets, int64_t id, FilesRemove remove, Error *err)
{
    Error away = {0};  // then there is nothing to drop
    datasets_may_write(sets, NULL, &away);
    pthread_mutex_lock(&sets->fetching);
    const int64_t before = dataset_files_bytes(sets->data, id);
    const bool ok = remove(sets->data, id, err);
    quota_give_back(sets->quota, before - dataset_files_bytes(sets->data, id));
    pthread_mutex_unlock(&sets->fetching);
    return ok;
}

void datasets_remove_files(Datasets *sets, int64_t id)
{
    Error err = {0};
    if (stock_may_be_away(sets->data, STOCK_DATASETS, dataset_folder_path(sets->data, id).text))
        return;  // a start that finds them removes them
    bool ok =
        datasets_drop_files(sets, id, dataset_files_remove, &err) && store_begin(sets->store, &err);
    if (ok) {
        ok = store_dataset_removed(sets->store, id, &err) && store_commit(sets->store, &err);
        if (!ok)
            store_rollback(sets->store);
    }
    if (!ok)  // the next start tries again
        LOG(sets->log, LOG_WARNING, "files_left", log_int("dataset", id),
            log_text("error", err.message));
}

bool datasets_delete(Datasets *sets, int64_t id, const DatasetGuard *guard, Error *err)
{
    Error away = {0};
    if (!delete_once(sets, id, guard, &away, err)
        && !(jobs_make_room(sets->jobs, err) && delete_once(sets, id, guard, &away, err)))
        return false;
    if (away.code != ERR_NONE)
        LOG(sets->log, LOG_WARNING, "files_away", log_int("dataset", id),
            log_text("error", away.message));
    if (!work_slot_cancel(&sets->slot, id))
        datasets_remove_files(sets, id);
    jobs_rows_removed(sets->jobs);
    return true;
}
