/* server/store/store.h -- what must last: jobs, epochs, points, events, checkpoints, keys. Data
 * sets, models and evaluations have headers of their own beside it.
 *
 * One SQLite database with a write-ahead log. All SQL of the daemon is in this folder. There is one
 * connection for writing and one for reading, each behind its own lock, so that a reader never
 * waits for a writer's disk.
 *
 * Writing goes in transactions: store_begin takes the writer's lock, store_commit returns true once
 * everything is on disk. When a call inside fails, call store_rollback; after a failed store_commit
 * nothing has changed and nothing is left to do.
 *
 * Errors   Of the moment, so that the same call may work later: ERR_NO_SPACE for a full disk,
 *          ERR_IO for a read-only folder, another program's lock or a failing disk, ERR_NO_MEMORY.
 *          For good: ERR_DAMAGED. ERR_NOT_FOUND where a single row is asked for.
 *
 * Damage   Of a row whose texts are no JSON any more (row_whole) whoever asks for it alone gets
 *          ERR_DAMAGED. Lists have it among the others, and say so in its `damage`; events that are
 *          damaged are left out. Within a transaction such a row is had as others are, so that it
 *          can be stopped and deleted, and is saved as it stands.
 */
#pragma once
#include "server/store/rows.h"

typedef struct Store Store;

/* Makes the database if there is none and brings an older one up to date. ERR_INVALID: the database
 * is of a newer version than this program, or not one of ours. */
bool store_open(const char *path, Store **store, Error *err);
void store_close(Store *store);  // takes NULL

/* Writes and reads a row. */
bool store_probe(Store *store, Error *err);

/* How long the transaction that is under way has taken; 0: there is none. Never waits. */
double store_writing_seconds(Store *store);

/* So many seconds from now, and ever after, store_begin gives up (ERR_IO) where a transaction
 * hangs, instead of waiting for it. */
void store_hurry(Store *store, double seconds);

bool store_begin(Store *store, Error *err);
bool store_commit(Store *store, Error *err);
void store_rollback(Store *store);

/* Within a transaction. */
bool store_add_job(Store *store, JobInfo *job, Error *err);  // gives it its id
bool store_load_job(Store *store, int64_t id, JobInfo *job, Error *err);
bool store_save_job(Store *store, const JobInfo *job, Error *err);
bool store_queue_position(Store *store, JobInfo *job, Error *err);  // of a job as it was saved
bool store_next_queued(Store *store, int64_t *id, Error *err);  // the one queued longest; 0: none
/* When a job that is queued at `now` was queued: after all others that are waiting or may come to
 * wait again, also where somebody has set the clock back meanwhile. */
bool store_queue_end(Store *store, int64_t now, int64_t *queued_at, Error *err);
bool store_add_event(Store *store, Event *event, Error *err);  // gives it its id
bool store_put_epoch(Store *store, int64_t job_id, const EpochMetrics *row, Error *err);
bool store_put_point(Store *store, int64_t job_id, const PointRow *row, Error *err);
bool store_put_checkpoint(Store *store, int64_t job_id, const CheckpointRow *row, Error *err);
/* Take back the epochs, points, their events and the checkpoints that lie beyond a step, and sum up
 * anew what *job says of the latest and the best; the caller saves it. Files stay. */
bool store_rewind(Store *store, JobInfo *job, int64_t step, Error *err);
/* The kernels that a job has computed with, as text. */
bool store_put_kernels(Store *store, int64_t id, const char *kernels, Error *err);

/* The row of a job, of a checkpoint: what belongs to it is in store_removals from then on. */
bool store_remove_job(Store *store, int64_t id, Error *err);
/* Of a job that was just removed: its files are out of reach, and go when they are back. */
bool store_remove_job_later(Store *store, int64_t id, Error *err);
bool store_remove_checkpoint(Store *store, int64_t job_id, int64_t step, Error *err);
/* The files of that checkpoint are gone. */
bool store_removed(Store *store, int64_t job_id, int64_t step, Error *err);
/* A slice of the rows of a removed job; *done once there are none, and the removal with them. */
bool store_purge_job(Store *store, int64_t id, bool *done, Error *err);
/* Give a slice of the space that deletions have left in the file back to the disk, where that is
 * much; *more: there is more. A transaction of its own, of a store that this program has made: one
 * of an earlier version keeps its size until somebody vacuums it. */
bool store_shrink(Store *store, bool *more, Error *err);
/* Forget the oldest events that tell of a deletion, be it of a job or of something else. *oldest:
 * the first event that is still kept for readers that catch up; 0: as before. */
bool store_prune_events(Store *store, int64_t *oldest, Error *err);
/* The next subject of events after `subject` that something was told of after event `since`, be it
 * a job or something else; 0: there is none. From INT64_MIN on these are all. Outside of a
 * transaction, and so is store_prunable. */
bool store_next_subject(Store *store, int64_t subject, int64_t since, int64_t *next, Error *err);
/* The newest of its events that need not be kept: what they told is read elsewhere, too, and many
 * have come since. 0: there are none. */
bool store_prunable(Store *store, int64_t subject, int64_t *newest, Error *err);
/* Forget a slice of those up to `newest`; *more: there are more. */
bool store_prune_subject(Store *store, int64_t subject, int64_t newest, bool *more, Error *err);

/* Ids given from now on are above these. */
bool store_raise_ids(Store *store, int64_t last_job, int64_t last_event, Error *err);
/* Each start of the daemon: a new row in store_lives. */
bool store_begin_life(Store *store, Error *err);

/* Idempotency keys. *id: what came of the key before; 0: it is new, or there is none. ERR_CONFLICT,
 * reason "key_reused": it came with another request. */
bool store_find_key(Store *store, KeyKind kind, RequestKey key, int64_t *id, Error *err);
bool store_add_key(Store *store, KeyKind kind, RequestKey key, int64_t id, Error *err);
bool store_remove_keys(Store *store, KeyKind kind, int64_t id, Error *err);
/* Whether a request is the one that a stored key came with. Rows from before bodies were hashed are
 * "METHOD path", and match any body. */
bool store_same_request(const char *stored, const char *request);

/* Outside of one; they see what has been committed. */
bool store_job(Store *store, int64_t id, JobInfo *job, Error *err);
bool store_job_exists(Store *store, int64_t id, Error *err);  // ERR_NOT_FOUND; damaged ones do
bool store_jobs(Store *store, const JobQuery *query, JobList *list, Error *err);
bool store_key(Store *store, KeyKind kind, RequestKey key, int64_t *id, Error *err);
bool store_count(Store *store, int64_t by_status[JOB_STATUSES], Error *err);
bool store_epochs(Store *store, SeriesPage page, EpochList *list, Error *err);
bool store_points(Store *store, SeriesPage page, PointList *list, Error *err);
bool store_events(Store *store, SeriesPage page, EventList *list, Error *err);
bool store_checkpoints(Store *store, int64_t job_id, CheckpointList *list, Error *err);
bool store_lives(Store *store, LifeList *list, Error *err);
bool store_event_range(Store *store, EventRange *range, Error *err);
bool store_removals(Store *store, int64_t job_id, RemovalList *list, Error *err);  // 0: of all jobs
/* The kernels that a job is to compute with: its own; else its parent's; else those of the newest
 * job with the same settings. NULL: none are known. */
bool store_kernels(Store *store, int64_t id, char **kernels, Error *err);

bool store_speed(Store *store, const SpeedQuery *query, SpeedRow *row, Error *err);
