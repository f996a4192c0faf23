#include "server/store/store_models.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/store/store_columns.h"

static const Column COLUMNS[] = {
    COLUMN_CHARS(ModelRow, "name", name),
    COLUMN(ModelRow, "metadata", OBJECT, metadata),
    COLUMN(ModelRow, "last_version", INT64, last_version),
    COLUMN(ModelRow, "created_at", INT64, created_at),
    COLUMN(ModelRow, "updated_at", INT64, updated_at),
};

static const Table TABLE = {"models", COLUMNS, COUNT(COLUMNS), offsetof(ModelRow, damage)};

static void read_row(sqlite3_stmt *stmt, void *item)
{
    *(ModelRow *)item = (ModelRow){0};
    table_read(&TABLE, stmt, item);
}

/* The model of that id, or where id is 0 of that name; `model->id` 0: there is none. */
static bool load(Db *db, int64_t id, const char *name, ModelRow *model, Error *err)
{
    char *sql = table_select(&TABLE);
    sql_append(&sql, " FROM models WHERE %s", id > 0 ? "id = ?1" : "name = ?2");
    bool found;
    *model = (ModelRow){0};
    const bool ok = sql_first(db, err, read_row, model, &found, sql, id > 0 ? "i" : "it", id, name);
    if (!ok)
        model_row_free(model);
    free(sql);
    return ok;
}

bool store_add_model(Store *store, ModelRow *model, Error *err)
{
    int64_t other = 0;
    if (!sql_number(&store->writer, err, &other, "SELECT id FROM models WHERE name = ?", "t",
                    model->name))
        return false;
    if (other > 0)
        return fail_as(err, ERR_CONFLICT, "name_taken", "there is a model %s already", model->name);
    return table_add(&TABLE, &store->writer, model, err);
}

bool store_save_model(Store *store, const ModelRow *model, Error *err)
{
    return table_save(&TABLE, &store->writer, model, err);
}

bool store_load_model(Store *store, int64_t id, ModelRow *model, Error *err)
{
    return load(&store->writer, id, NULL, model, err)
           && (model->id > 0
               || fail_as(err, ERR_NOT_FOUND, "model_not_found", "there is no model model_%lld",
                          (long long)id));
}

bool store_load_model_named(Store *store, const char *name, ModelRow *model, Error *err)
{
    return load(&store->writer, 0, name, model, err);
}

bool store_model_named(Store *store, const char *name, ModelRow *model, Error *err)
{
    pthread_mutex_lock(&store->reader.lock);
    const bool ok = load(&store->reader, 0, name, model, err);
    pthread_mutex_unlock(&store->reader.lock);
    if (!ok)
        return false;
    if (model->id == 0)
        return fail_as(err, ERR_NOT_FOUND, "model_not_found", "there is no model called %.100s",
                       name);
    if (row_whole(model->damage, err))
        return true;
    model_row_free(model);
    return false;
}

bool store_models(Store *store, const ModelQuery *query, ModelList *list, Error *err)
{
    const SqlList how = {sizeof *list->items, read_row, query->limit};
    const int64_t below = query->after > 0 ? query->after : INT64_MAX;
    char *sql = table_select(&TABLE);
    sql_append(&sql, " FROM models WHERE id < ?1 AND (?3 IS NULL OR instr(lower(name), lower(?3))"
                     " > 0) ORDER BY id DESC LIMIT ?2");
    SqlRows rows;
    const bool ok = sql_select(store, how, &rows, err, sql, "iit", below, (int64_t)query->limit + 1,
                               query->name);
    *list = (ModelList){rows.items, rows.count, rows.has_more};
    if (!ok)
        model_list_free(list);
    free(sql);
    return ok;
}

bool store_raise_model_ids(Store *store, int64_t last, Error *err)
{
    return store_raise_sequence(&store->writer, "models", last, err);
}

/* ---- Aliases ---- */

bool store_put_alias(Store *store, int64_t model_id, const AliasRow *alias, Error *err)
{
    Db *db = &store->writer;
    if (alias->version == 0)
        return sql_run(db, err, "DELETE FROM model_aliases WHERE model_id = ? AND alias = ?", "it",
                       model_id, alias->alias);
    return sql_run(db, err, "INSERT OR REPLACE INTO model_aliases VALUES (?, ?, ?)", "iti",
                   model_id, alias->alias, alias->version);
}

bool store_version_alias(Store *store, int64_t model_id, int64_t number, char alias[MODEL_ALIAS],
                         Error *err)
{
    static const char SQL[] = "SELECT alias FROM model_aliases WHERE model_id = ? AND version = ?";
    sqlite3_stmt *stmt = NULL;
    bool found = false;
    alias[0] = '\0';
    const bool ok = sql_prepare(&store->writer, err, &stmt, SQL, "ii", model_id, number)
                    && sql_step(&store->writer, err, stmt, &found);
    if (ok && found)
        sql_copy(stmt, 0, alias, MODEL_ALIAS);
    sqlite3_finalize(stmt);
    return ok;
}

static void read_alias(sqlite3_stmt *stmt, void *item)
{
    AliasRow *alias = item;
    *alias = (AliasRow){.version = sqlite3_column_int64(stmt, 1)};
    sql_copy(stmt, 0, alias->alias, sizeof alias->alias);
}

bool store_aliases(Store *store, int64_t model_id, AliasList *list, Error *err)
{
    static const char SQL[] =
        "SELECT alias, version FROM model_aliases WHERE model_id = ? ORDER BY alias";
    const SqlList how = {.item_size = sizeof *list->items, .read = read_alias};
    SqlRows rows;
    const bool ok = sql_select(store, how, &rows, err, SQL, "i", model_id);
    *list = (AliasList){rows.items, rows.count};
    if (!ok)
        alias_list_free(list);
    return ok;
}

/* ---- Events ---- */

bool store_tell_model(Store *store, int64_t id, Event *event, Error *err)
{
    event->job_id = events_of_model(id);
    return store_add_event(store, event, err);
}

/* ---- Removals ---- */

static bool remember_removal(Db *db, int64_t model_id, int64_t version, Error *err)
{
    return sql_run(db, err, "INSERT OR REPLACE INTO model_removals VALUES (?, ?)", "ii", model_id,
                   version);
}

bool store_remove_version(Store *store, int64_t model_id, int64_t number, Error *err)
{
    static const char KEYS[] = "DELETE FROM request_keys WHERE kind = 'version' AND object_id IN"
                               " (SELECT id FROM model_versions WHERE model_id = ?"
                               "  AND version = ?)";
    Db *db = &store->writer;
    return sql_run(db, err, KEYS, "ii", model_id, number)
           && sql_run(db, err, "DELETE FROM model_versions WHERE model_id = ? AND version = ?",
                      "ii", model_id, number)
           && remember_removal(db, model_id, number, err);
}

bool store_remove_model(Store *store, int64_t id, Error *err)
{
    Db *db = &store->writer;
    static const char KEYS[] = "DELETE FROM request_keys WHERE kind = 'version' AND object_id IN"
                               " (SELECT id FROM model_versions WHERE model_id = ?)";
    static const char *const ROWS[] = {
        "DELETE FROM model_versions WHERE model_id = ?",
        "DELETE FROM model_aliases WHERE model_id = ?",
        "DELETE FROM model_removals WHERE model_id = ?",
        "DELETE FROM models WHERE id = ?",
    };
    if (!sql_run(db, err, KEYS, "i", id))
        return false;
    for (size_t i = 0; i < COUNT(ROWS); i++)
        if (!sql_run(db, err, ROWS[i], "i", id))
            return false;
    return sql_run(db, err, "DELETE FROM events WHERE job_id = ?", "i", events_of_model(id))
           && remember_removal(db, id, 0, err);
}

bool store_model_removed(Store *store, const ModelRemoval *removal, Error *err)
{
    return sql_run(&store->writer, err,
                   "DELETE FROM model_removals WHERE model_id = ? AND version = ?", "ii",
                   removal->model_id, removal->version);
}

static void read_removal(sqlite3_stmt *stmt, void *item)
{
    *(ModelRemoval *)item =
        (ModelRemoval){sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1)};
}

bool store_model_removals(Store *store, ModelRemovalList *list, Error *err)
{
    const SqlList how = {.item_size = sizeof *list->items, .read = read_removal};
    SqlRows rows;
    const bool ok =
        sql_select(store, how, &rows, err, "SELECT model_id, version FROM model_removals", "");
    *list = (ModelRemovalList){rows.items, rows.count};
    if (!ok)
        model_removal_list_free(list);
    return ok;
}
