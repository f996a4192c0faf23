#include "server/jobs/files/removal.h"

#include "core/base/files/file_read.h"
#include "server/jobs/files/job_files.h"

static bool purge_slice(Store *store, int64_t id, bool *done, Error *err)
{
    if (!store_begin(store, err))
        return false;
    if (store_purge_job(store, id, done, err))
        return store_commit(store, err);
    store_rollback(store);
    return false;
}

bool removal_of_job(const char *data, Store *store, int64_t id, int slices, bool *done, Log *log,
                    Error *err)
{
    *done = false;
    // The files first: they may be what fills the disk, and purging rows needs some of it.
    if (!job_files_remove(data, id, log, err))
        return false;
    for (int i = 0; i < slices && !*done; i++) {
        if (!purge_slice(store, id, done, err))
            return false;
    }
    return true;
}

/* It is done. */
static bool forget(Store *store, const Removal *removal, Error *err)
{
    if (!store_begin(store, err))
        return false;
    if (store_removed(store, removal->job_id, removal->step, err))
        return store_commit(store, err);
    store_rollback(store);
    return false;
}

static bool removal_of_checkpoint(const char *data, Store *store, const Removal *removal,
                                  Error *err)
{
    return job_files_remove_checkpoint(data, removal->job_id, removal->step, err)
           && forget(store, removal, err);
}

/* Whether they are back can only be seen by the folder itself: others may have got theirs
 * meanwhile. */
static bool removal_of_away_job(const char *data, Store *store, const Removal *removal, Log *log,
                                Error *err)
{
    if (file_is_gone(job_folder(data, removal->job_id).text))
        return true;
    if (!job_files_remove(data, removal->job_id, log, err) || !forget(store, removal, err))
        return false;
    LOG(log, LOG_INFO, "files_back_and_gone", log_int("job", removal->job_id));
    return true;
}

static bool goes_on(const RemovalRules *rules)
{
    return !rules->go_on || rules->go_on(rules->context);
}

/* *more: go on with the next one. */
static bool finish(const char *data, Store *store, const Removal *removal,
                   const RemovalRules *rules, bool *more, Log *log, Error *err)
{
    bool done = false;
    if (removal->away)
        return removal_of_away_job(data, store, removal, log, err);
    if (!removal->whole_job)
        return !rules->checkpoints || removal_of_checkpoint(data, store, removal, err);
    do {
        if (!removal_of_job(data, store, removal->job_id, 1, &done, log, err))
            return false;
        *more = goes_on(rules);
    } while (!done && *more && !rules->rows_later);
    return true;
}

bool removals_finish(const char *data, Store *store, RemovalRules rules, Log *log, Error *err)
{
    RemovalList list;
    Error first = {0};
    bool more = true;
    if (!store_removals(store, 0, &list, err))
        return false;
    for (size_t i = 0; i < list.count && more; i++) {
        const Removal *removal = &list.items[i];
        Error fault = {0};
        if (finish(data, store, removal, &rules, &more, log, &fault))
            continue;
        if (first.code == ERR_NONE)
            first = fault;
        LOG(rules.again ? NULL : log, LOG_WARNING, "files_left", log_int("job", removal->job_id),
            log_text("error", fault.message));
    }
    removal_list_free(&list);
    return first.code == ERR_NONE || fail_with(err, &first);
}

void removals_of_away(const char *data, Store *store, Log *log)
{
    RemovalList list;
    if (!store_removals(store, 0, &list, NULL))
        return;
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].away)
            removal_of_away_job(data, store, &list.items[i], log, NULL);
    removal_list_free(&list);
}
