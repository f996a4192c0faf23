/* server/store/store.h -- what must last: jobs, epochs, points, events, checkpoints, keys.
 *
 * One SQLite database with a write-ahead log. All SQL of the daemon is in store*.c. There is one
 * connection for writing and one for reading, each behind its own lock, so that a reader never
 * waits for a writer's disk.
 *
 * Writing goes in transactions: store_begin takes the writer's lock, store_commit returns true once
 * everything is on disk. When a call inside fails, call store_rollback; after a failed store_commit
 * nothing has changed and nothing is left to do.
 *
 * Errors   ERR_IO with a sentence for a full disk, a read-only folder, a locked or damaged
 *          database. ERR_NOT_FOUND where a single row is asked for.
 */
#pragma once
#include "server/store/rows.h"

typedef struct Store Store;

/* Makes the database if there is none and brings an older one up to date. ERR_INVALID: the database
 * is of a newer version than this program, or not one of ours. */
bool store_open(const char *path, Store **store, Error *err);
void store_close(Store *store);  // takes NULL

/* Writes and reads a row. Remembered for a second, so that probes cost no disk. */
bool store_check(Store *store, Error *err);

bool store_begin(Store *store, Error *err);
bool store_commit(Store *store, Error *err);
void store_rollback(Store *store);

/* Within a transaction. */
bool store_add_job(Store *store, JobInfo *job, Error *err);  // gives it its id
bool store_load_job(Store *store, int64_t id, JobInfo *job, Error *err);
bool store_save_job(Store *store, const JobInfo *job, Error *err);
bool store_remove_job(Store *store, int64_t id, Error *err);    // with all its rows
bool store_next_queued(Store *store, int64_t *id, Error *err);  // the one queued longest; 0: none
bool store_add_event(Store *store, Event *event, Error *err);   // gives it its id
bool store_put_epoch(Store *store, int64_t job_id, const EpochRow *row, Error *err);
bool store_put_point(Store *store, int64_t job_id, const PointRow *row, Error *err);
bool store_put_checkpoint(Store *store, int64_t job_id, const CheckpointRow *row, Error *err);
bool store_remove_checkpoint(Store *store, int64_t job_id, int64_t step, Error *err);
/* Take back the epochs, points and their events that lie beyond a step, and sum up anew what *job
 * says of the latest and the best; the caller saves it. */
bool store_rewind(Store *store, JobInfo *job, int64_t step, Error *err);

/* An idempotency key: the request that it came with and the job that was made. *job_id is 0 when
 * the key is new. */
bool store_find_key(Store *store, const char *key, char **request, int64_t *job_id, Error *err);
bool store_add_key(Store *store, const char *key, const char *request, int64_t job_id, Error *err);

/* Outside of one; they see what has been committed. */
bool store_job(Store *store, int64_t id, JobInfo *job, Error *err);
bool store_jobs(Store *store, const JobQuery *query, JobList *list, Error *err);
bool store_key(Store *store, const char *key, char **request, int64_t *job_id, Error *err);
bool store_count(Store *store, int64_t by_status[JOB_STATUSES], Error *err);
bool store_epochs(Store *store, SeriesPage page, EpochList *list, Error *err);
bool store_points(Store *store, SeriesPage page, PointList *list, Error *err);
bool store_events(Store *store, SeriesPage page, EventList *list, Error *err);
bool store_checkpoints(Store *store, int64_t job_id, CheckpointList *list, Error *err);
bool store_event_range(Store *store, EventRange *range, Error *err);

bool store_speed(Store *store, const SpeedQuery *query, SpeedRow *row, Error *err);
