#include "server/jobs/files/removal.h"

#include <limits.h>

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

static bool removal_of_checkpoint(const char *data, Store *store, const Removal *removal,
                                  Error *err)
{
    if (!job_files_remove_checkpoint(data, removal->job_id, removal->step, err)
        || !store_begin(store, err))
        return false;
    if (store_removed(store, removal->job_id, removal->step, err))
        return store_commit(store, err);
    store_rollback(store);
    return false;
}

bool removals_finish(const char *data, Store *store, bool checkpoints, Log *log, Error *err)
{
    RemovalList list;
    Error first = {0};
    if (!store_removals(store, 0, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        const Removal *removal = &list.items[i];
        Error fault = {0};
        if (!removal->whole_job && !checkpoints)
            continue;
        bool done;
        const bool ok = removal->whole_job ? removal_of_job(data, store, removal->job_id, INT_MAX,
                                                            &done, log, &fault)
                                           : removal_of_checkpoint(data, store, removal, &fault);
        if (!ok && first.code == ERR_NONE)
            first = fault;
        if (!ok)
            LOG(log, LOG_WARNING, "files_left", log_int("job", removal->job_id),
                log_text("error", fault.message));
    }
    removal_list_free(&list);
    if (first.code != ERR_NONE && err)
        *err = first;
    return first.code == ERR_NONE;
}
