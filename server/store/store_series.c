/* server/store/store_series.c -- what grows while a job trains: epochs, points, checkpoints,
 * events.
 */
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/store/store_sql.h"

#define DATA READABLE("data")

/* ", epoch, step, train_loss, ..." */
static void append_epoch_columns(char **sql)
{
    for (int i = 0; i < EPOCH_METRIC_COUNT; i++)
        sql_append(sql, ", %s", EPOCH_METRICS[i].name);
}

bool store_put_epoch(Store *store, int64_t job_id, const EpochMetrics *row, Error *err)
{
    Db *db = &store->writer;
    sqlite3_stmt *stmt = NULL;
    char *sql = xstrdup("INSERT OR REPLACE INTO epochs (job_id");
    append_epoch_columns(&sql);
    sql_append(&sql, ") VALUES (?");
    for (int i = 0; i < EPOCH_METRIC_COUNT; i++)
        sql_append(&sql, ", ?");
    sql_append(&sql, ")");
    bool more = false, ok = sql_prepare(db, err, &stmt, sql, "i", job_id);
    for (int i = 0; ok && i < EPOCH_METRIC_COUNT; i++) {
        const double value = epoch_metric_get(row, &EPOCH_METRICS[i]);
        ok = sqlite3_bind_double(stmt, i + 2, value) == SQLITE_OK || sql_fail(db, err);
    }
    ok = ok && sql_step(db, err, stmt, &more);
    sqlite3_finalize(stmt);
    free(sql);
    return ok;
}

bool store_put_point(Store *store, int64_t job_id, const PointRow *row, Error *err)
{
    return sql_run(&store->writer, err,
                   "INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?, ?, ?)", "iirrrrr", job_id,
                   row->step, row->epoch, row->loss, row->accuracy, row->learning_rate,
                   row->seconds);
}

bool store_put_checkpoint(Store *store, int64_t job_id, const CheckpointRow *row, Error *err)
{
    // Its files may be those that were to go.
    return store_removed(store, job_id, row->step, err)
           && sql_run(&store->writer, err,
                      "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                      "iiiiitrr", job_id, row->step, row->epoch, row->created_at, row->bytes,
                      row->sha256, row->test_accuracy, row->validation_accuracy);
}

bool store_add_event(Store *store, Event *event, Error *err)
{
    if (!sql_run(&store->writer, err,
                 "INSERT INTO events (job_id, time, type, data) VALUES (?, ?, ?, ?)", "iitt",
                 event->job_id, event->time, event->type, event->data))
        return false;
    event->id = sqlite3_last_insert_rowid(store->writer.sqlite);
    return true;
}

bool store_tell_over(Store *store, int64_t events, Event *event, Error *err)
{
    // Progress alone has the status that it had before.
    static const char FORGET[] =
        "DELETE FROM events WHERE job_id = ? AND"
        " json_extract(" DATA ", '$.status') = json_extract(" DATA ", '$.previous')";
    event->job_id = events;
    return sql_run(&store->writer, err, FORGET, "i", events) && store_add_event(store, event, err);
}

/* What the job row says of its newest point. */
static bool sum_up_points(Db *db, JobInfo *job, Error *err)
{
    sqlite3_stmt *stmt = NULL;
    bool found = false;
    const bool ok = sql_prepare(db, err, &stmt,
                                "SELECT step, loss, accuracy, learning_rate FROM points"
                                " WHERE job_id = ? ORDER BY step DESC LIMIT 1",
                                "i", job->id)
                    && sql_step(db, err, stmt, &found);
    if (ok) {
        job->latest.step = found ? sqlite3_column_int64(stmt, 0) : 0;
        job->latest.loss = found ? sql_real(stmt, 1) : 0;
        job->latest.accuracy = found ? sql_real(stmt, 2) : 0;
        job->latest.learning_rate = found ? sql_real(stmt, 3) : 0;
    }
    sqlite3_finalize(stmt);
    return ok;
}

/* ... of its newest epoch and of its best one, which is the first with the highest accuracy. */
static bool sum_up_epochs(Db *db, JobInfo *job, Error *err)
{
    sqlite3_stmt *newest = NULL, *best = NULL;
    bool any = false;
    const bool ok =
        sql_prepare(db, err, &newest,
                    "SELECT epoch, test_loss, test_accuracy, validation_loss, validation_accuracy"
                    " FROM epochs"
                    " WHERE job_id = ? ORDER BY epoch DESC LIMIT 1",
                    "i", job->id)
        && sql_step(db, err, newest, &any)
        && sql_prepare(
            db, err, &best,
            "SELECT e.epoch, e.test_accuracy, coalesce(c.step, 0), e.validation_accuracy"
            " FROM epochs e"
            " LEFT JOIN checkpoints c ON c.job_id = e.job_id AND c.step = e.step"
            " WHERE e.job_id = ? ORDER BY coalesce(e.validation_accuracy, e.test_accuracy) DESC,"
            " e.epoch LIMIT 1",
            "i", job->id)
        && sql_step(db, err, best, &any);
    if (ok) {
        job->latest.epoch = any ? sqlite3_column_int64(newest, 0) : 0;
        job->latest.test_loss = any ? sql_real(newest, 1) : 0;
        job->latest.test_accuracy = any ? sql_real(newest, 2) : 0;
        job->latest.validation_loss = any ? sql_real(newest, 3) : 0;
        job->latest.validation_accuracy = any ? sql_real(newest, 4) : 0;
        job->best.validation_accuracy = any ? sql_real(best, 3) : 0;
        job->best.epoch = any ? sqlite3_column_int64(best, 0) : 0;
        job->best.test_accuracy = any ? sql_real(best, 1) : 0;
        job->best.checkpoint_step = any ? sqlite3_column_int64(best, 2) : 0;
    }
    sqlite3_finalize(newest);
    sqlite3_finalize(best);
    return ok;
}

bool store_rewind(Store *store, JobInfo *job, int64_t step, Error *err)
{
    // Their steps grow as their ids do, so that the newest that stays is soon found: a job may have
    // told a million points.
    static const char FORGET[] =
        "DELETE FROM events WHERE job_id = ?1 AND type IN ('point', 'epoch') AND id >"
        " coalesce((SELECT id FROM events WHERE job_id = ?1 AND type IN ('point', 'epoch')"
        " AND json_extract(" DATA ", '$.step') <= ?2 ORDER BY id DESC LIMIT 1), 0)";
    Db *db = &store->writer;
    return sql_run(db, err, "DELETE FROM checkpoints WHERE job_id = ? AND step > ?", "ii", job->id,
                   step)
           && sql_run(db, err, "DELETE FROM epochs WHERE job_id = ? AND step > ?", "ii", job->id,
                      step)
           && sql_run(db, err, "DELETE FROM points WHERE job_id = ? AND step > ?", "ii", job->id,
                      step)
           && sql_run(db, err, FORGET, "ii", job->id, step) && sum_up_points(db, job, err)
           && sum_up_epochs(db, job, err);
}

static void read_epoch(sqlite3_stmt *stmt, void *item)
{
    for (int i = 0; i < EPOCH_METRIC_COUNT; i++)
        epoch_metric_set(item, &EPOCH_METRICS[i], sql_real(stmt, i + 1));
}

static void read_point(sqlite3_stmt *stmt, void *item)
{
    *(PointRow *)item = (PointRow){
        .step = sqlite3_column_int64(stmt, 0),
        .epoch = sql_real(stmt, 1),
        .loss = sql_real(stmt, 2),
        .accuracy = sql_real(stmt, 3),
        .learning_rate = sql_real(stmt, 4),
        .seconds = sql_real(stmt, 5),
    };
}

static void read_checkpoint(sqlite3_stmt *stmt, void *item)
{
    CheckpointRow *row = item;
    *row = (CheckpointRow){
        .step = sqlite3_column_int64(stmt, 0),
        .epoch = sqlite3_column_int64(stmt, 1),
        .created_at = sqlite3_column_int64(stmt, 2),
        .bytes = sqlite3_column_int64(stmt, 3),
        .test_accuracy = sql_real(stmt, 5),
        .best = sqlite3_column_int(stmt, 6) != 0,
        .latest = sqlite3_column_int(stmt, 7) != 0,
        .validation_accuracy = sql_real(stmt, 8),
    };
    sql_copy(stmt, 4, row->sha256, sizeof row->sha256);
}

static void read_event(sqlite3_stmt *stmt, void *item)
{
    Event *event = item;
    *event = (Event){
        .id = sqlite3_column_int64(stmt, 0),
        .job_id = sqlite3_column_int64(stmt, 1),
        .time = sqlite3_column_int64(stmt, 2),
        .data = sql_text(stmt, 4),
    };
    sql_copy(stmt, 3, event->type, sizeof event->type);
}

/* A page of a series through the reader; `sql` takes the job and the row after which to begin. */
static bool read_page(Store *store, const char *sql, SeriesPage page, SqlList how, SqlRows *rows,
                      Error *err)
{
    how.limit = page.limit;
    return sql_select(store, how, rows, err, sql, "ii", page.job_id, page.after);
}

bool store_epochs(Store *store, SeriesPage page, EpochList *list, Error *err)
{
    const SqlList how = {.item_size = sizeof *list->items, .read = read_epoch};
    SqlRows rows;
    char *sql = xstrdup("SELECT job_id");
    append_epoch_columns(&sql);
    sql_append(&sql, " FROM epochs WHERE job_id = ? AND epoch > ? ORDER BY epoch");
    const bool ok = read_page(store, sql, page, how, &rows, err);
    free(sql);
    *list = (EpochList){rows.items, rows.count, rows.has_more};
    if (!ok)
        epoch_list_free(list);
    return ok;
}

bool store_points(Store *store, SeriesPage page, PointList *list, Error *err)
{
    static const char SQL[] =
        "SELECT step, epoch, loss, accuracy, learning_rate, seconds FROM points"
        " WHERE job_id = ? AND step > ? ORDER BY step";
    const SqlList how = {.item_size = sizeof *list->items, .read = read_point};
    SqlRows rows;
    const bool ok = read_page(store, SQL, page, how, &rows, err);
    *list = (PointList){rows.items, rows.count, rows.has_more};
    if (!ok)
        point_list_free(list);
    return ok;
}

bool store_checkpoints(Store *store, int64_t job_id, CheckpointList *list, Error *err)
{
    static const char SQL[] =
        "SELECT c.step, c.epoch, c.created_at, c.bytes, c.sha256, c.test_accuracy,"
        " c.step = j.best_step AND j.best_epoch > 0,"
        " c.step = (SELECT max(step) FROM checkpoints WHERE job_id = c.job_id),"
        " c.validation_accuracy"
        " FROM checkpoints c JOIN jobs j ON j.id = c.job_id"
        " WHERE c.job_id = ? AND c.step > ? ORDER BY c.step";
    const SqlList how = {.item_size = sizeof *list->items, .read = read_checkpoint};
    const SeriesPage all = {.job_id = job_id, .after = -1};
    SqlRows rows;
    const bool ok = read_page(store, SQL, all, how, &rows, err);
    *list = (CheckpointList){rows.items, rows.count};
    if (!ok)
        checkpoint_list_free(list);
    return ok;
}

bool store_events(Store *store, SeriesPage page, EventList *list, Error *err)
{
    // Two statements, so that each has its index.
    static const char OF_A_JOB[] = "SELECT id, job_id, time, type, data FROM events"
                                   " WHERE job_id = ? AND id > ? AND is_object(data) ORDER BY id";
    static const char OF_ALL[] = "SELECT id, job_id, time, type, data FROM events"
                                 " WHERE ? = 0 AND id > ? AND is_object(data) ORDER BY id";
    const SqlList how = {.item_size = sizeof *list->items, .read = read_event};
    SqlRows rows;
    const bool ok = read_page(store, page.job_id > 0 ? OF_A_JOB : OF_ALL, page, how, &rows, err);
    *list = (EventList){rows.items, rows.count, rows.has_more};
    if (!ok)
        event_list_free(list);
    return ok;
}
