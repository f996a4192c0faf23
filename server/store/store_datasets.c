#include "server/store/store_datasets.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/store/store_columns.h"

#define FIELD(column, type, field) COLUMN(DatasetRow, column, type, field)
#define TEXT(column, field)        COLUMN_CHARS(DatasetRow, column, field)

static const Column COLUMNS[] = {
    TEXT("name", name),
    FIELD("metadata", OBJECT, metadata),
    COLUMN_WORD(DatasetRow, "status", status, DATASET_STATUS_NAMES),
    TEXT("source_kind", source.kind),
    TEXT("source", source.what),
    FIELD("channels", INT, image.channels),
    FIELD("size", INT, image.size),
    TEXT("fit", image.fit),
    TEXT("filter", image.filter),
    FIELD("test_share", REAL, test_share),
    FIELD("seed", INT64, seed),
    FIELD("class_count", INT64, class_count),
    FIELD("train_count", INT64, train_count),
    FIELD("test_count", INT64, test_count),
    FIELD("left_out_count", INT64, left_out_count),
    FIELD("classes", ARRAY, classes),
    FIELD("warnings", ARRAY, warnings),
    FIELD("bytes", INT64, bytes),
    TEXT("digest", digest),
    TEXT("error_code", error.code),
    TEXT("error_message", error.message),
    FIELD("restart_count", INT, restart_count),
    FIELD("created_at", INT64, created_at),
    FIELD("started_at", INT64, started_at),
    FIELD("finished_at", INT64, finished_at),
};

static const Table TABLE = {"datasets", COLUMNS, COUNT(COLUMNS), offsetof(DatasetRow, damage)};

static void read_row(sqlite3_stmt *stmt, void *item)
{
    *(DatasetRow *)item = (DatasetRow){0};
    table_read(&TABLE, stmt, item);
}

bool store_dataset_name_free(Store *store, const char *name, int64_t id, Error *err)
{
    int64_t other = 0;
    return sql_number(&store->writer, err, &other,
                      "SELECT id FROM datasets WHERE name = ? AND id != ?", "ti", name, id)
           && (other == 0
               || fail_as(err, ERR_CONFLICT, "name_taken",
                          "there is a data set %s already, set_%lld", name, (long long)other));
}

bool store_add_dataset(Store *store, DatasetRow *set, Error *err)
{
    return store_dataset_name_free(store, set->name, 0, err)
           && table_add(&TABLE, &store->writer, set, err);
}

bool store_save_dataset(Store *store, const DatasetRow *set, Error *err)
{
    return table_save(&TABLE, &store->writer, set, err);
}

/* The set of that id, or where id is 0 of that name; false without *found: *err is set. */
static bool load(Db *db, int64_t id, const char *name, DatasetRow *set, bool *found, Error *err)
{
    char *sql = table_select(&TABLE);
    sql_append(&sql, " FROM datasets WHERE %s", id > 0 ? "id = ?1" : "name = ?2");
    const bool ok = sql_first(db, err, read_row, set, found, sql, id > 0 ? "i" : "it", id, name);
    if (!ok && *found)
        dataset_row_free(set);
    free(sql);
    return ok;
}

static bool load_id(Db *db, int64_t id, DatasetRow *set, Error *err)
{
    bool found;
    return load(db, id, NULL, set, &found, err)
           && (found
               || fail_as(err, ERR_NOT_FOUND, "dataset_not_found", "there is no data set set_%lld",
                          (long long)id));
}

bool store_load_dataset(Store *store, int64_t id, DatasetRow *set, Error *err)
{
    return load_id(&store->writer, id, set, err);
}

/* ... or it is freed. */
static bool whole(DatasetRow *set, Error *err)
{
    if (row_whole(set->damage, err))
        return true;
    dataset_row_free(set);
    return false;
}

bool store_dataset(Store *store, int64_t id, DatasetRow *set, Error *err)
{
    pthread_mutex_lock(&store->reader.lock);
    const bool ok = load_id(&store->reader, id, set, err);
    pthread_mutex_unlock(&store->reader.lock);
    return ok && whole(set, err);
}

bool store_dataset_named(Store *store, const char *name, DatasetRow *set, Error *err)
{
    bool found;
    pthread_mutex_lock(&store->reader.lock);
    const bool ok = load(&store->reader, 0, name, set, &found, err);
    pthread_mutex_unlock(&store->reader.lock);
    if (!ok || found)
        return ok && whole(set, err);
    return fail_as(err, ERR_NOT_FOUND, "dataset_not_found", "there is no data set called %.200s",
                   name);
}

bool store_next_import(Store *store, int64_t *id, Error *err)
{
    return sql_number(&store->writer, err, id,
                      "SELECT id FROM datasets WHERE status = 'importing' ORDER BY id LIMIT 1", "");
}

bool store_upload_user(Store *store, const char *upload, int64_t *id, Error *err)
{
    return sql_number(&store->writer, err, id,
                      "SELECT max(id) FROM datasets WHERE status = 'importing'"
                      " AND source_kind = 'upload' AND source = ?",
                      "t", upload);
}

bool store_dataset_user(Store *store, int64_t id, int64_t *job_id, Error *err)
{
    return sql_number(&store->writer, err, job_id,
                      "SELECT max(id) FROM jobs WHERE dataset_id = ? AND dataset_id > 0"
                      " AND status IN ('queued', 'running', 'stopping')",
                      "i", id);
}

bool store_tell_dataset(Store *store, int64_t id, Event *event, Error *err)
{
    return store_tell_over(store, events_of_dataset(id), event, err);
}

bool store_remove_dataset(Store *store, int64_t id, Error *err)
{
    Db *db = &store->writer;
    return store_remove_keys(store, KEY_OF_DATASET, id, err)
           && sql_run(db, err, "DELETE FROM datasets WHERE id = ?", "i", id)
           && sql_run(db, err, "DELETE FROM events WHERE job_id = ?", "i", events_of_dataset(id))
           && sql_run(db, err, "INSERT OR REPLACE INTO dataset_removals VALUES (?)", "i", id);
}

bool store_dataset_removed(Store *store, int64_t id, Error *err)
{
    return sql_run(&store->writer, err, "DELETE FROM dataset_removals WHERE id = ?", "i", id);
}

bool store_raise_dataset_ids(Store *store, int64_t last, Error *err)
{
    return store_raise_sequence(&store->writer, "datasets", last, err);
}

static char *list_sql(const DatasetQuery *query)
{
    char *sql = table_select(&TABLE);
    sql_append(&sql, " FROM datasets WHERE id < ?1"
                     " AND (?3 IS NULL OR instr(lower(name), lower(?3)) > 0)");
    sql_append_statuses(&sql, query->statuses, DATASET_STATUS_NAMES, DATASET_STATUSES);
    sql_append(&sql, " ORDER BY id DESC LIMIT ?2");
    return sql;
}

bool store_datasets(Store *store, const DatasetQuery *query, DatasetList *list, Error *err)
{
    const SqlList how = {sizeof *list->items, read_row, query->limit};
    const int64_t below = query->after > 0 ? query->after : INT64_MAX;
    char *sql = list_sql(query);
    SqlRows rows;
    const bool ok = sql_select(store, how, &rows, err, sql, "iit", below, (int64_t)query->limit + 1,
                               query->name);
    *list = (DatasetList){rows.items, rows.count, rows.has_more};
    if (!ok)
        dataset_list_free(list);
    free(sql);
    return ok;
}

static void read_id(sqlite3_stmt *stmt, void *item)
{
    *(int64_t *)item = sqlite3_column_int64(stmt, 0);
}

bool store_dataset_removals(Store *store, IdList *list, Error *err)
{
    const SqlList how = {.item_size = sizeof *list->items, .read = read_id};
    SqlRows rows;
    const bool ok = sql_select(store, how, &rows, err, "SELECT id FROM dataset_removals", "");
    *list = (IdList){rows.items, rows.count};
    if (!ok)
        id_list_free(list);
    return ok;
}

bool store_dataset_totals(Store *store, int64_t *count, int64_t *bytes, Error *err)
{
    Db *db = &store->reader;
    pthread_mutex_lock(&db->lock);
    const bool ok = sql_number(db, err, count, "SELECT count(*) FROM datasets", "")
                    && sql_number(db, err, bytes, "SELECT sum(bytes) FROM datasets", "");
    pthread_mutex_unlock(&db->lock);
    return ok;
}
