#include "server/store/store_evaluations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/store/store_columns.h"

#define FIELD(column, type, field) COLUMN(EvaluationRow, column, type, field)
#define TEXT(column, field)        COLUMN_CHARS(EvaluationRow, column, field)

static const Column COLUMNS[] = {
    TEXT("name", name),
    FIELD("metadata", OBJECT, metadata),
    COLUMN_WORD(EvaluationRow, "status", status, EVALUATION_STATUS_NAMES),
    FIELD("job_id", INT64, source.job_id),
    FIELD("step", INT64, source.step),
    FIELD("model_id", INT64, source.model_id),
    FIELD("version", INT64, source.version),
    TEXT("model", source.model),
    FIELD("automatic", INT, automatic),
    FIELD("dataset_id", INT64, dataset.id),
    TEXT("dataset_key", dataset.key),
    TEXT("dataset_name", dataset.name),
    TEXT("dataset_digest", dataset.digest),
    TEXT("split", split),
    FIELD("example_limit", INT64, example_limit),
    FIELD("test_time_flips", INT, test_time_flips),
    FIELD("examples", INT64, examples),
    FIELD("classes", INT64, classes),
    FIELD("mistakes", INT64, mistakes),
    FIELD("loss", REAL, loss),
    FIELD("accuracy", REAL, accuracy),
    FIELD("top5_accuracy", REAL, top5_accuracy),
    FIELD("macro_f1", REAL, macro_f1),
    FIELD("calibration_error", REAL, calibration_error),
    FIELD("temperature", REAL, temperature),
    FIELD("seconds", REAL, seconds),
    TEXT("error_code", error.code),
    TEXT("error_message", error.message),
    FIELD("restart_count", INT, restart_count),
    FIELD("created_at", INT64, created_at),
    FIELD("started_at", INT64, started_at),
    FIELD("finished_at", INT64, finished_at),
};

static const Table TABLE = {"evaluations", COLUMNS, COUNT(COLUMNS),
                            offsetof(EvaluationRow, damage)};

static void read_row(sqlite3_stmt *stmt, void *item)
{
    *(EvaluationRow *)item = (EvaluationRow){0};
    table_read(&TABLE, stmt, item);
}

/* ---- Rows ---- */

bool store_add_evaluation(Store *store, EvaluationRow *evaluation, Error *err)
{
    return table_add(&TABLE, &store->writer, evaluation, err);
}

bool store_save_evaluation(Store *store, const EvaluationRow *evaluation, Error *err)
{
    return table_save(&TABLE, &store->writer, evaluation, err);
}

static void read_figures(sqlite3_stmt *stmt, void *row)
{
    EvaluationRow *evaluation = row;
    static const char TABLE_NAME[] = "evaluation_figures";
    const int64_t id = evaluation->id;
    evaluation->figures = sql_text(stmt, 0);
    evaluation->class_names = sql_text(stmt, 1);
    if (!evaluation->damage)
        evaluation->damage =
            column_damage(TABLE_NAME, id, "figures", evaluation->figures, '{', false);
    if (!evaluation->damage)
        evaluation->damage =
            column_damage(TABLE_NAME, id, "class_names", evaluation->class_names, '[', false);
}

static bool load_figures(Db *db, EvaluationRow *evaluation, Error *err)
{
    static const char SQL[] =
        "SELECT figures, class_names FROM evaluation_figures WHERE evaluation_id = ?";
    bool found;
    return sql_first(db, err, read_figures, evaluation, &found, SQL, "i", evaluation->id);
}

static bool load(Db *db, int64_t id, EvaluationRow *evaluation, bool whole, Error *err)
{
    char *sql = table_select(&TABLE);
    sql_append(&sql, " FROM evaluations WHERE id = ?");
    bool found;
    bool ok = sql_first(db, err, read_row, evaluation, &found, sql, "i", id);
    ok = ok && (!found || !whole || load_figures(db, evaluation, err));
    if (!ok && found)
        evaluation_row_free(evaluation);
    free(sql);
    return ok
           && (found
               || fail_as(err, ERR_NOT_FOUND, "evaluation_not_found",
                          "there is no evaluation eval_%lld", (long long)id));
}

bool store_load_evaluation(Store *store, int64_t id, EvaluationRow *evaluation, Error *err)
{
    return load(&store->writer, id, evaluation, false, err);
}

bool store_evaluation(Store *store, int64_t id, EvaluationRow *evaluation, Error *err)
{
    pthread_mutex_lock(&store->reader.lock);
    const bool ok = load(&store->reader, id, evaluation, true, err);
    pthread_mutex_unlock(&store->reader.lock);
    if (!ok || row_whole(evaluation->damage, err))
        return ok;
    evaluation_row_free(evaluation);
    return false;
}

bool store_next_evaluation(Store *store, int64_t *id, Error *err)
{
    return sql_number(&store->writer, err, id,
                      "SELECT id FROM evaluations WHERE status = 'queued' ORDER BY id LIMIT 1", "");
}

bool store_tell_evaluation(Store *store, int64_t id, Event *event, Error *err)
{
    return store_tell_over(store, events_of_evaluation(id), event, err);
}

bool store_remove_evaluation(Store *store, int64_t id, Error *err)
{
    static const char *const TABLES[] = {
        "DELETE FROM evaluations WHERE id = ?",
        "DELETE FROM evaluation_figures WHERE evaluation_id = ?",
        "DELETE FROM evaluation_cells WHERE evaluation_id = ?",
        "DELETE FROM evaluation_mistakes WHERE evaluation_id = ?",
        "UPDATE jobs SET evaluation_id = 0 WHERE evaluation_id = ?",
    };
    Db *db = &store->writer;
    for (size_t i = 0; i < COUNT(TABLES); i++)
        if (!sql_run(db, err, TABLES[i], "i", id))
            return false;
    return store_remove_keys(store, KEY_OF_EVALUATION, id, err)
           && sql_run(db, err, "DELETE FROM events WHERE job_id = ?", "i",
                      events_of_evaluation(id));
}

bool store_remove_job_evaluations(Store *store, int64_t job_id, Error *err)
{
    Db *db = &store->writer;
    for (int64_t id = 0;;) {
        if (!sql_number(db, err, &id, "SELECT max(id) FROM evaluations WHERE job_id = ?", "i",
                        job_id))
            return false;
        if (id == 0)
            return true;
        if (!store_remove_evaluation(store, id, err))
            return false;
    }
}

bool store_evaluation_count(Store *store, int64_t *count, Error *err)
{
    pthread_mutex_lock(&store->reader.lock);
    const bool ok = sql_number(&store->reader, err, count, "SELECT count(*) FROM evaluations", "");
    pthread_mutex_unlock(&store->reader.lock);
    return ok;
}

/* ---- What was found ---- */

bool store_put_figures(Store *store, const EvaluationRow *evaluation, Error *err)
{
    return sql_run(&store->writer, err,
                   "INSERT OR REPLACE INTO evaluation_figures VALUES (?, ?, ?)", "itt",
                   evaluation->id, evaluation->figures, evaluation->class_names);
}

static bool put_rows(Db *db, const char *sql, int64_t id, const void *rows, size_t count,
                     int (*bind)(sqlite3_stmt *stmt, const void *rows, size_t i), Error *err)
{
    sqlite3_stmt *stmt = NULL;
    bool more = false;
    bool ok = sql_prepare(db, err, &stmt, sql, "i", id);
    for (size_t i = 0; ok && i < count; i++) {
        ok = (bind(stmt, rows, i) == SQLITE_OK || sql_fail(db, err))
             && sql_step(db, err, stmt, &more);
        sqlite3_reset(stmt);  // what is bound stays
    }
    sqlite3_finalize(stmt);
    return ok;
}

static int bind_cell(sqlite3_stmt *stmt, const void *rows, size_t i)
{
    const CellRow *cell = (const CellRow *)rows + i;
    const int a = sqlite3_bind_int(stmt, 2, cell->truth);
    const int b = sqlite3_bind_int(stmt, 3, cell->guess);
    const int c = sqlite3_bind_int64(stmt, 4, cell->count);
    return a | b | c;
}

bool store_put_cells(Store *store, int64_t id, const CellList *cells, Error *err)
{
    return put_rows(&store->writer, "INSERT INTO evaluation_cells VALUES (?1, ?2, ?3, ?4)", id,
                    cells->items, cells->count, bind_cell, err);
}

static int bind_mistake(sqlite3_stmt *stmt, const void *rows, size_t i)
{
    const MistakeRow *mistake = (const MistakeRow *)rows + i;
    int code = sqlite3_bind_int64(stmt, 2, mistake->rank);
    code |= sqlite3_bind_int64(stmt, 3, mistake->example);
    code |= sqlite3_bind_int(stmt, 4, mistake->truth);
    code |= sqlite3_bind_int(stmt, 5, mistake->guess);
    code |= sqlite3_bind_double(stmt, 6, mistake->loss);
    code |= sqlite3_bind_double(stmt, 7, mistake->confidence);
    return code | sqlite3_bind_double(stmt, 8, mistake->truth_share);
}

bool store_put_mistakes(Store *store, int64_t id, const MistakeList *mistakes, Error *err)
{
    return put_rows(&store->writer,
                    "INSERT INTO evaluation_mistakes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", id,
                    mistakes->items, mistakes->count, bind_mistake, err);
}

/* ---- Lists ---- */

static char *list_sql(const EvaluationQuery *query)
{
    char *sql = table_select(&TABLE);
    sql_append(&sql, " FROM evaluations WHERE id < ?1 AND ?3 IN (0, job_id)"
                     " AND (?4 IS NULL OR ?4 = model) AND ?5 IN (0, version)"
                     " AND (?6 IS NULL OR ?6 IN (dataset_key, dataset_name))"
                     " AND ?7 IN (0, step) AND ?8 IN (0, model_id) AND ?9 IN (0, dataset_id)");
    if (query->for_cards)
        sql_append(&sql, " AND test_time_flips = 0 AND split = 'test'");
    sql_append_statuses(&sql, query->statuses, EVALUATION_STATUS_NAMES, EVALUATION_STATUSES);
    sql_append(&sql, " ORDER BY id DESC LIMIT ?2");
    return sql;
}

bool store_evaluations(Store *store, const EvaluationQuery *query, EvaluationList *list, Error *err)
{
    const SqlList how = {sizeof *list->items, read_row, query->limit};
    const int64_t below = query->after > 0 ? query->after : INT64_MAX;
    char *sql = list_sql(query);
    SqlRows rows;
    const bool ok =
        sql_select(store, how, &rows, err, sql, "iiititiii", below, (int64_t)query->limit + 1,
                   query->job_id, query->model, query->version, query->dataset, query->step,
                   query->model_id, query->dataset_id);
    *list = (EvaluationList){rows.items, rows.count, rows.has_more};
    if (!ok)
        evaluation_list_free(list);
    free(sql);
    return ok;
}

static void read_cell(sqlite3_stmt *stmt, void *item)
{
    *(CellRow *)item = (CellRow){sqlite3_column_int(stmt, 0), sqlite3_column_int(stmt, 1),
                                 sqlite3_column_int64(stmt, 2)};
}

bool store_cells(Store *store, int64_t id, CellList *list, Error *err)
{
    static const char SQL[] = "SELECT truth, guess, count FROM evaluation_cells"
                              " WHERE evaluation_id = ? ORDER BY truth, guess";
    const SqlList how = {.item_size = sizeof *list->items, .read = read_cell};
    SqlRows rows;
    const bool ok = sql_select(store, how, &rows, err, SQL, "i", id);
    *list = (CellList){rows.items, rows.count};
    if (!ok)
        cell_list_free(list);
    return ok;
}

static void read_mistake(sqlite3_stmt *stmt, void *item)
{
    *(MistakeRow *)item = (MistakeRow){
        .rank = sqlite3_column_int64(stmt, 0),
        .example = sqlite3_column_int64(stmt, 1),
        .truth = sqlite3_column_int(stmt, 2),
        .guess = sqlite3_column_int(stmt, 3),
        .loss = sql_real(stmt, 4),
        .confidence = sql_real(stmt, 5),
        .truth_share = sql_real(stmt, 6),
    };
}

bool store_mistakes(Store *store, const MistakeQuery *query, MistakeList *list, Error *err)
{
    static const char SQL[] =
        "SELECT rank, example, truth, guess, loss, confidence, truth_share FROM evaluation_mistakes"
        " WHERE evaluation_id = ?1 AND rank > ?2 AND ?4 IN (-1, truth) AND ?5 IN (-1, guess)"
        " ORDER BY rank LIMIT ?3";
    const SqlList how = {sizeof *list->items, read_mistake, query->limit};
    SqlRows rows;
    const bool ok =
        sql_select(store, how, &rows, err, SQL, "iiiii", query->evaluation_id, query->after,
                   (int64_t)query->limit + 1, (int64_t)query->truth, (int64_t)query->guess);
    *list = (MistakeList){rows.items, rows.count, rows.has_more};
    if (!ok)
        mistake_list_free(list);
    return ok;
}
