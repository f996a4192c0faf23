#include "server/jobs/jobs_shared.h"

#include "server/jobs/jobs_private.h"

Store *jobs_store(Jobs *jobs)
{
    return jobs->store;
}

bool jobs_admits(Jobs *jobs, Error *err)
{
    return keeper_admits(jobs->keeper, err);
}

bool jobs_begin(Jobs *jobs, Error *err)
{
    if (store_begin(jobs->store, err))
        return true;
    keeper_heard(jobs->keeper, err);
    return false;
}

bool jobs_commit(Jobs *jobs, Error *err)
{
    const bool ok = store_commit(jobs->store, err);
    keeper_heard(jobs->keeper, ok ? NULL : err);
    return ok;
}

void jobs_rollback(Jobs *jobs, const Error *why)
{
    if (why)
        keeper_heard(jobs->keeper, why);
    store_rollback(jobs->store);
}

bool jobs_replay_found(bool found, bool *replayed, Error *err)
{
    *replayed = found;
    if (found || err->code != ERR_NOT_FOUND)
        return found;
    *err = (Error){0};
    return true;
}

void jobs_dataset_created(Jobs *jobs, int64_t id)
{
    keeper_dataset_created(jobs->keeper, id);
}

void jobs_rows_removed(Jobs *jobs)
{
    keeper_finish_removals(jobs->keeper);
}

bool jobs_make_room(Jobs *jobs, Error *err)
{
    if (err->code != ERR_NO_SPACE)
        return false;
    keeper_release(jobs->keeper);
    *err = (Error){0};
    return true;
}

void jobs_on_evaluation(Jobs *jobs, void (*wake)(void *context), void *context)
{
    jobs->evaluator.wake = wake;
    jobs->evaluator.context = context;
}
