/* server/store/store_jobs.c -- the rows of jobs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/store/store_columns.h"

#define SETTINGS                   READABLE("settings")
#define METADATA                   READABLE("jobs.metadata")

#define FIELD(column, type, field) COLUMN(JobInfo, column, type, field)
#define TEXT(column, field)        COLUMN_CHARS(JobInfo, column, field)

static const Column COLUMNS[] = {
    TEXT("name", name),
    COLUMN_WORD(JobInfo, "status", status, JOB_STATUS_NAMES),
    TEXT("stop_reason", stop_reason),
    FIELD("created_at", INT64, created_at),
    FIELD("queued_at", INT64, queued_at),
    FIELD("started_at", INT64, started_at),
    FIELD("finished_at", INT64, finished_at),
    FIELD("settings", OBJECT, settings),
    FIELD("metadata", OBJECT, metadata),
    FIELD("parent_id", INT64, parent_id),
    FIELD("restart_count", INT, restart_count),
    FIELD("idle_restarts", INT, idle_restarts),
    FIELD("step", INT64, progress.step),
    FIELD("total_steps", INT64, progress.total_steps),
    FIELD("epoch", INT64, progress.epoch),
    FIELD("epoch_position", REAL, progress.epoch_position),
    FIELD("examples_per_second", REAL, progress.examples_per_second),
    FIELD("train_seconds", REAL, progress.seconds),
    FIELD("latest_step", INT64, latest.step),
    FIELD("latest_loss", REAL, latest.loss),
    FIELD("latest_accuracy", REAL, latest.accuracy),
    FIELD("latest_learning_rate", REAL, latest.learning_rate),
    FIELD("latest_epoch", INT64, latest.epoch),
    FIELD("latest_validation_loss", REAL, latest.validation_loss),
    FIELD("latest_validation_accuracy", REAL, latest.validation_accuracy),
    FIELD("latest_test_loss", REAL, latest.test_loss),
    FIELD("latest_test_accuracy", REAL, latest.test_accuracy),
    FIELD("best_epoch", INT64, best.epoch),
    FIELD("best_validation_accuracy", REAL, best.validation_accuracy),
    FIELD("best_test_accuracy", REAL, best.test_accuracy),
    FIELD("best_step", INT64, best.checkpoint_step),
    TEXT("cpu", environment.cpu),
    TEXT("cpu_isa", environment.cpu_isa),
    FIELD("threads", INT, environment.threads),
    TEXT("onednn", environment.onednn),
    TEXT("version", environment.version),
    TEXT("error_code", error.code),
    TEXT("error_message", error.message),
    FIELD("dataset_id", INT64, dataset.id),
    TEXT("dataset_name", dataset.name),
    TEXT("dataset_digest", dataset.digest),
    TEXT("notice", notice),
    FIELD("evaluation_id", INT64, evaluation_id),
};

static const Table TABLE = {"jobs", COLUMNS, COUNT(COLUMNS), offsetof(JobInfo, damage)};

/* "SELECT id, name, status, ..., <position><rest>", to be freed. `position` is an expression for
 * the place of a queued job among all that are queued, 0 for others. */
static char *select_sql(const char *position, const char *rest)
{
    char *sql = table_select(&TABLE);
    sql_append(&sql, ", %s%s", position, rest);
    return sql;
}

/* Column 0 is the id, the others follow in the order of the table. */
static void read_row(sqlite3_stmt *stmt, void *item)
{
    JobInfo *job = item;
    *job = (JobInfo){.queue_position = sqlite3_column_int64(stmt, (int)COUNT(COLUMNS) + 1)};
    table_read(&TABLE, stmt, job);
}

bool store_add_job(Store *store, JobInfo *job, Error *err)
{
    return table_add(&TABLE, &store->writer, job, err);
}

bool store_save_job(Store *store, const JobInfo *job, Error *err)
{
    return table_save(&TABLE, &store->writer, job, err);
}

/* Of one job. */
#define QUEUE_POSITION                                                                             \
    "CASE WHEN status = 'queued' THEN (SELECT count(*) FROM jobs q WHERE q.status = 'queued'"      \
    " AND (q.queued_at, q.id) <= (jobs.queued_at, jobs.id)) ELSE 0 END"

static bool no_job(int64_t id, Error *err)
{
    return fail_as(err, ERR_NOT_FOUND, "job_not_found", "there is no job job_%lld", (long long)id);
}

static bool load(Db *db, int64_t id, JobInfo *job, Error *err)
{
    char *sql = select_sql(QUEUE_POSITION, " FROM jobs WHERE id = ?");
    bool found;
    const bool ok = sql_first(db, err, read_row, job, &found, sql, "i", id);
    if (!ok && found)
        job_info_free(job);
    free(sql);
    return ok && (found || no_job(id, err));
}

bool store_load_job(Store *store, int64_t id, JobInfo *job, Error *err)
{
    return load(&store->writer, id, job, err);
}

bool store_job(Store *store, int64_t id, JobInfo *job, Error *err)
{
    pthread_mutex_lock(&store->reader.lock);
    const bool ok = load(&store->reader, id, job, err);
    pthread_mutex_unlock(&store->reader.lock);
    if (!ok || row_whole(job->damage, err))
        return ok;
    job_info_free(job);
    return false;
}

bool store_job_exists(Store *store, int64_t id, Error *err)
{
    int64_t found = 0;
    pthread_mutex_lock(&store->reader.lock);
    const bool ok =
        sql_number(&store->reader, err, &found, "SELECT id FROM jobs WHERE id = ?", "i", id);
    pthread_mutex_unlock(&store->reader.lock);
    return ok && (found == id || no_job(id, err));
}

bool store_next_queued(Store *store, int64_t *id, Error *err)
{
    return sql_number(&store->writer, err, id,
                      "SELECT id FROM jobs WHERE status = 'queued' ORDER BY queued_at, id LIMIT 1",
                      "");
}

bool store_queue_end(Store *store, int64_t now, int64_t *queued_at, Error *err)
{
    return sql_number(&store->writer, err, queued_at,
                      "SELECT max(?, coalesce(max(queued_at), 0) + 1) FROM jobs"
                      " WHERE status IN ('queued', 'running', 'stopping')",
                      "i", now);
}

/* The ids of the page are found first: sorting and filtering whole rows takes long once there are
 * thousands. Parameters: 1 below, 2 the limit, 3 the parent, 4 the part of a name, then keys and
 * values. */
static char *list_sql(const JobQuery *query)
{
    char *sql = select_sql("0", " FROM jobs WHERE id IN (SELECT id FROM jobs"
                                " WHERE id < ?1 AND ?3 IN (0, parent_id)"
                                " AND (?4 IS NULL OR instr(lower(name), lower(?4)) > 0)");
    sql_append_statuses(&sql, query->statuses, JOB_STATUS_NAMES, JOB_STATUSES);
    for (int i = 0; i < query->match_count; i++) {
        // Keys of metadata are any text, which a JSON path cannot hold.
        static const char SETTING[] = " AND json_extract(" SETTINGS ", '$.' || ?%d) = ?%d";
        static const char ENTRY[] = " AND EXISTS (SELECT 1 FROM json_each(" METADATA ") e"
                                    " WHERE e.key = ?%d AND e.atom = ?%d)";
        const int key = 5 + 2 * i, value = key + 1;
        if (query->matches[i].in == MATCH_SETTING)
            sql_append(&sql, SETTING, key, value);
        else
            sql_append(&sql, ENTRY, key, value);
    }
    sql_append(&sql, " ORDER BY id DESC LIMIT ?2) ORDER BY id DESC");
    return sql;
}

static int by_id_descending(const void *a, const void *b)
{
    const int64_t left = ((const JobInfo *)a)->id, right = ((const JobInfo *)b)->id;
    return (left < right) - (left > right);
}

/* Walk the queue once, and tell the jobs of the page that are met their places. */
static bool add_queue_positions(Db *db, JobInfo *items, size_t count, Error *err)
{
    static const char SQL[] = "SELECT id FROM jobs WHERE status = 'queued' ORDER BY queued_at, id";
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        left += items[i].status == JOB_QUEUED;
    sqlite3_stmt *stmt = NULL;
    bool more = true;
    bool ok = left == 0 || sql_prepare(db, err, &stmt, SQL, "");
    for (int64_t position = 1; ok && left > 0; position++) {
        ok = sql_step(db, err, stmt, &more);
        if (!ok || !more)
            break;
        const JobInfo wanted = {.id = sqlite3_column_int64(stmt, 0)};
        JobInfo *job = bsearch(&wanted, items, count, sizeof *items, by_id_descending);
        if (job && job->status == JOB_QUEUED) {
            job->queue_position = position;
            left--;
        }
    }
    sqlite3_finalize(stmt);
    return ok;
}

static bool bind_matches(Db *db, sqlite3_stmt *stmt, const JobQuery *query, Error *err)
{
    int code = SQLITE_OK;
    for (int i = 0; i < query->match_count && code == SQLITE_OK; i++) {
        const JobMatch *match = &query->matches[i];
        code = sqlite3_bind_text(stmt, 5 + 2 * i, match->key, -1, SQLITE_TRANSIENT);
        if (code == SQLITE_OK)
            code = sqlite3_bind_text(stmt, 6 + 2 * i, match->value, -1, SQLITE_TRANSIENT);
    }
    return code == SQLITE_OK || sql_fail(db, err);
}

bool store_jobs(Store *store, const JobQuery *query, JobList *list, Error *err)
{
    Db *db = &store->reader;
    char *sql = list_sql(query);
    const int64_t below = query->after > 0 ? query->after : INT64_MAX;
    const SqlList how = {sizeof *list->items, read_row, query->limit};
    sqlite3_stmt *stmt = NULL;
    pthread_mutex_lock(&db->lock);
    SqlRows rows = {0};
    const bool ok = sql_prepare(db, err, &stmt, sql, "iiit", below, (int64_t)query->limit + 1,
                                query->parent_id, query->name)
                    && bind_matches(db, stmt, query, err) && sql_list(db, err, stmt, how, &rows)
                    && add_queue_positions(db, rows.items, rows.count, err);
    sqlite3_finalize(stmt);
    pthread_mutex_unlock(&db->lock);
    *list = (JobList){rows.items, rows.count, rows.has_more};
    if (!ok)
        job_list_free(list);
    free(sql);
    return ok;
}

bool store_count(Store *store, int64_t by_status[JOB_STATUSES], Error *err)
{
    Db *db = &store->reader;
    memset(by_status, 0, JOB_STATUSES * sizeof *by_status);
    sqlite3_stmt *stmt = NULL;
    bool more = true;
    pthread_mutex_lock(&db->lock);
    bool ok = sql_prepare(db, err, &stmt, "SELECT status, count(*) FROM jobs GROUP BY status", "");
    while (ok && (ok = sql_step(db, err, stmt, &more)) && more)
        by_status[word_index(JOB_STATUS_NAMES, (const char *)sqlite3_column_text(stmt, 0))] =
            sqlite3_column_int64(stmt, 1);
    sqlite3_finalize(stmt);
    pthread_mutex_unlock(&db->lock);
    return ok;
}

static void read_kernels(sqlite3_stmt *stmt, void *text)
{
    *(char **)text = sql_text(stmt, 0);
}

bool store_kernels(Store *store, int64_t id, char **kernels, Error *err)
{
    static const char SQL[] =
        "SELECT k.kernels FROM job_kernels k WHERE k.job_id = ?1"
        " UNION ALL SELECT k.kernels FROM jobs j JOIN job_kernels k ON k.job_id = j.parent_id"
        " WHERE j.id = ?1"
        " UNION ALL SELECT * FROM (SELECT k.kernels FROM jobs j JOIN jobs twin"
        " ON twin.settings = j.settings AND twin.id <> j.id JOIN job_kernels k"
        " ON k.job_id = twin.id WHERE j.id = ?1 ORDER BY twin.id DESC LIMIT 1) LIMIT 1";
    Db *db = &store->reader;
    bool found;
    *kernels = NULL;
    pthread_mutex_lock(&db->lock);
    const bool ok = sql_first(db, err, read_kernels, kernels, &found, SQL, "i", id);
    pthread_mutex_unlock(&db->lock);
    return ok;
}

bool store_put_kernels(Store *store, int64_t id, const char *kernels, Error *err)
{
    return sql_run(&store->writer, err, "INSERT OR REPLACE INTO job_kernels VALUES (?, ?)", "it",
                   id, kernels);
}

bool store_queue_position(Store *store, JobInfo *job, Error *err)
{
    job->queue_position = 0;
    return job->status != JOB_QUEUED
           || sql_number(&store->writer, err, &job->queue_position,
                         "SELECT count(*) FROM jobs WHERE status = 'queued'"
                         " AND (queued_at, id) <= (?, ?)",
                         "ii", job->queued_at, job->id);
}
