/* server/jobs/jobs_shared.h -- what data sets, models and evaluations share with the jobs: one
 * folder with one lock, one store, one series of events, one disk that may be full. */
#pragma once
#include "server/jobs/jobs.h"
#include "server/store/store.h"

Store *jobs_store(Jobs *jobs);

/* Call `wake` when there may be an evaluation to do. Before any job runs, and once. */
void jobs_on_evaluation(Jobs *jobs, void (*wake)(void *context), void *context);

/* Whether an ordinary write may be tried: ERR_NO_SPACE while space is short. */
bool jobs_admits(Jobs *jobs, Error *err);
/* A transaction of the store; what becomes of it tells how the disk is. A rollback without a
 * reason, NULL, which is of something that turned out to need no write, tells nothing. */
bool jobs_begin(Jobs *jobs, Error *err);
bool jobs_commit(Jobs *jobs, Error *err);
void jobs_rollback(Jobs *jobs, const Error *why);
/* What a key stands for was looked for, and `found`, or *err says why not: it may have been deleted
 * just now, and its key with it. Then the request is new, and there is no error. */
bool jobs_replay_found(bool found, bool *replayed, Error *err);
/* A data set got this id, which is noted beside the store. */
void jobs_dataset_created(Jobs *jobs, int64_t id);
/* Many rows may have gone from the store: it gives their space back to the disk, soon. */
void jobs_rows_removed(Jobs *jobs);
/* After a failure of something that cannot wait: is it to be tried once more? Where the disk is
 * full the reserve is given away for it, and *err is as if nothing had failed. */
bool jobs_make_room(Jobs *jobs, Error *err);
