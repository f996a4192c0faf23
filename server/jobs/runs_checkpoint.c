/* server/jobs/runs_checkpoint.c -- a run's checkpoints: the new one's row, which older ones go. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/jobs/events/event_data.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/runs_private.h"

typedef struct {
    int64_t *steps;
    size_t count;
} Dropped;

typedef struct {
    const Run *run;
    const CheckpointRow *row;
    int keep;
    Dropped *dropped;  // those that went, after it was recorded
} Keeping;

/* The newest `keep` and the best stay, and the rows of the others go. `list` is by step. */
static bool drop_older(Change *change, const Keeping *k, const CheckpointList *list, Error *err)
{
    const JobInfo *job = &change->job;
    int kept = 1;  // the new one
    *k->dropped = (Dropped){xcalloc(list->count + 1, sizeof(int64_t)), 0};
    for (size_t i = list->count; i > 0; i--) {
        const int64_t step = list->items[i - 1].step;
        if (step == k->row->step)
            continue;
        if (kept++ < k->keep || step == job->best.checkpoint_step)
            continue;
        if (!store_remove_checkpoint(change->jobs->store, job->id, step, err))
            return false;
        k->dropped->steps[k->dropped->count++] = step;
    }
    return true;
}

/* Those that went with the checkpoint before this one have nothing left to remove. */
static bool forget_gone(Change *change, const Run *run, Error *err)
{
    for (size_t i = 0; i < run->gone_count; i++) {
        if (!store_removed(change->jobs->store, change->job.id, run->gone[i], err))
            return false;
    }
    return true;
}

static bool record_checkpoint(Change *change, const void *what, Error *err)
{
    const Keeping *k = what;
    JobInfo *job = &change->job;
    CheckpointList before;
    free(k->dropped->steps);  // of a try that failed
    *k->dropped = (Dropped){NULL, 0};
    if (!store_checkpoints(change->jobs->store, job->id, &before, err))
        return false;
    job->idle_restarts = 0;
    if (k->row->best)
        job->best.checkpoint_step = k->row->step;
    const bool ok = forget_gone(change, k->run, err)
                    && store_put_checkpoint(change->jobs->store, job->id, k->row, err)
                    && drop_older(change, k, &before, err)
                    && change_tell(change, "checkpoint", event_checkpoint(k->row), err);
    checkpoint_list_free(&before);
    return ok;
}

/* The rows are gone, and on disk: now the files. What stays is removed at the next start. */
static void remove_files(Run *run, Dropped dropped)
{
    size_t count = 0;
    for (size_t i = 0; i < dropped.count; i++) {
        Error err = {0};
        if (job_files_remove_checkpoint(run->jobs->data, run->job.id, dropped.steps[i], &err))
            dropped.steps[count++] = dropped.steps[i];
        else
            LOG(run->jobs->log, LOG_WARNING, "files_left", log_int("job", run->job.id),
                log_text("error", err.message));
    }
    free(run->gone);
    run->gone = dropped.steps;
    run->gone_count = count;
}

bool run_checkpoint(Run *run, const CheckpointRow *row, int keep, Error *err)
{
    Dropped dropped = {NULL, 0};
    const Keeping keeping = {run, row, keep, &dropped};
    if (!run_record(run, record_checkpoint, &keeping, err)) {
        free(dropped.steps);
        return false;
    }
    remove_files(run, dropped);
    pthread_mutex_lock(&run->jobs->lock);
    run->jobs->counts.checkpoints++;
    pthread_mutex_unlock(&run->jobs->lock);
    LOG(run->jobs->log, LOG_INFO, "checkpoint", log_int("job", run->job.id),
        log_int("step", row->step), log_int("bytes", row->bytes));
    return true;
}
