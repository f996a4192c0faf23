/* server/store/store_versions.c -- the rows of the versions of models. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/store/store_columns.h"
#include "server/store/store_models.h"

#define FIELD(column, type, field) COLUMN(VersionRow, column, type, field)
#define TEXT(column, field)        COLUMN_CHARS(VersionRow, column, field)

static const Column COLUMNS[] = {
    FIELD("model_id", INT64, model_id),
    FIELD("version", INT64, version),
    TEXT("source_kind", source.kind),
    FIELD("source_job_id", INT64, source.job_id),
    FIELD("source_step", INT64, source.step),
    FIELD("bytes", INT64, bytes),
    TEXT("sha256", sha256),
    TEXT("network", network),
    FIELD("channels", INT, channels),
    FIELD("image_size", INT, image_size),
    FIELD("classes", INT, classes),
    TEXT("normalization", normalization),
    FIELD("class_names", ARRAY_OR_NULL, class_names),
    FIELD("image", OBJECT_OR_NULL, image),
    FIELD("dataset_id", INT64, dataset.id),
    TEXT("dataset_name", dataset.name),
    TEXT("dataset_digest", dataset.digest),
    FIELD("metrics", OBJECT_OR_NULL, metrics),
    FIELD("settings", OBJECT_OR_NULL, settings),
    FIELD("environment", OBJECT_OR_NULL, environment),
    FIELD("evaluation", OBJECT_OR_NULL, evaluation),
    FIELD("missing", INT, missing),
    FIELD("created_at", INT64, created_at),
};

static const Table TABLE = {"model_versions", COLUMNS, COUNT(COLUMNS),
                            offsetof(VersionRow, damage)};

static void read_row(sqlite3_stmt *stmt, void *item)
{
    *(VersionRow *)item = (VersionRow){0};
    table_read(&TABLE, stmt, item);
}

bool store_add_version(Store *store, VersionRow *version, Error *err)
{
    return table_add(&TABLE, &store->writer, version, err);
}

bool store_save_version(Store *store, const VersionRow *version, Error *err)
{
    return table_save(&TABLE, &store->writer, version, err);
}

/* The first row that `where` finds, whose parameters are a and b. */
static bool load(Db *db, const char *where, int64_t a, int64_t b, VersionRow *version, bool *found,
                 Error *err)
{
    char *sql = table_select(&TABLE);
    sql_append(&sql, " FROM model_versions WHERE %s", where);
    const bool ok = sql_first(db, err, read_row, version, found, sql, "ii", a, b);
    if (!ok && *found)
        version_row_free(version);
    free(sql);
    return ok;
}

static bool load_number(Db *db, int64_t model_id, int64_t number, VersionRow *version, Error *err)
{
    bool found;
    return load(db, "model_id = ?1 AND version = ?2", model_id, number, version, &found, err)
           && (found
               || fail_as(err, ERR_NOT_FOUND, "version_not_found", "the model has no version %lld",
                          (long long)number));
}

bool store_load_version(Store *store, int64_t model_id, int64_t number, VersionRow *version,
                        Error *err)
{
    return load_number(&store->writer, model_id, number, version, err);
}

bool store_load_version_row(Store *store, int64_t row, VersionRow *version, Error *err)
{
    bool found;
    return load(&store->writer, "id = ?1 AND id > ?2", row, 0, version, &found, err)
           && (found || fail_as(err, ERR_NOT_FOUND, "version_not_found", "the version is gone"));
}

/* ... or it is freed. */
static bool whole(VersionRow *version, Error *err)
{
    if (row_whole(version->damage, err))
        return true;
    version_row_free(version);
    return false;
}

bool store_version(Store *store, int64_t model_id, int64_t number, VersionRow *version, Error *err)
{
    pthread_mutex_lock(&store->reader.lock);
    const bool ok = load_number(&store->reader, model_id, number, version, err);
    pthread_mutex_unlock(&store->reader.lock);
    return ok && whole(version, err);
}

/* ?1 the model's name, ?2 a number or 0, ?3 an alias or NULL. */
static bool prepare_resolve(Db *db, sqlite3_stmt **stmt, Error *err)
{
    static const char POINTED_AT[] =
        "SELECT a.version FROM model_aliases a WHERE a.model_id = model_versions.model_id"
        " AND a.alias = ifnull(?3, 'production')";
    static const char NEWEST[] =
        "SELECT max(v.version) FROM model_versions v WHERE v.model_id = model_versions.model_id";
    char *sql = table_select(&TABLE);
    sql_append(&sql,
               " FROM model_versions WHERE model_id = (SELECT id FROM models WHERE name = ?1)"
               " AND version = CASE WHEN ?2 > 0 THEN ?2 WHEN ?3 = 'latest' THEN (%s)"
               " ELSE coalesce((%s),",
               NEWEST, POINTED_AT);
    sql_append(&sql, " CASE WHEN ?3 IS NULL THEN (%s) END) END", NEWEST);
    const bool ok = sql_prepare(db, err, stmt, sql, "");
    free(sql);
    return ok;
}

bool store_resolve_version(Store *store, const char *model, const char *alias, int64_t number,
                           VersionRow *version, Error *err)
{
    Db *db = &store->reader;
    bool found;
    *version = (VersionRow){0};
    pthread_mutex_lock(&db->lock);
    const bool ok = (store->resolve_version || prepare_resolve(db, &store->resolve_version, err))
                    && sql_first_again(db, err, read_row, version, &found, store->resolve_version,
                                       "tit", model, number, alias);
    pthread_mutex_unlock(&db->lock);
    if (!ok)
        version_row_free(version);
    return ok && whole(version, err);
}

/* Those that `where` finds, whose parameters are a and b. */
static bool list_versions(Store *store, const char *where, int64_t a, int64_t b, VersionList *list,
                          Error *err)
{
    const SqlList how = {.item_size = sizeof *list->items, .read = read_row};
    char *sql = table_select(&TABLE);
    sql_append(&sql, " FROM model_versions WHERE %s ORDER BY model_id DESC, version DESC", where);
    SqlRows rows;
    const bool ok = sql_select(store, how, &rows, err, sql, "ii", a, b);
    *list = (VersionList){rows.items, rows.count};
    if (!ok)
        version_list_free(list);
    free(sql);
    return ok;
}

bool store_versions(Store *store, int64_t model_id, VersionList *list, Error *err)
{
    return list_versions(store, "model_id = ?1 AND version > ?2", model_id, 0, list, err);
}

bool store_all_versions(Store *store, VersionList *list, Error *err)
{
    return list_versions(store, "model_id > ?1 AND version > ?2", 0, 0, list, err);
}

bool store_checkpoint_versions(Store *store, int64_t job_id, int64_t step, VersionList *list,
                               Error *err)
{
    return list_versions(store, "source_job_id = ?1 AND source_step = ?2", job_id, step, list, err);
}

bool store_version_count(Store *store, int64_t *count, Error *err)
{
    pthread_mutex_lock(&store->reader.lock);
    const bool ok =
        sql_number(&store->reader, err, count, "SELECT count(*) FROM model_versions", "");
    pthread_mutex_unlock(&store->reader.lock);
    return ok;
}
