#include "server/store/store_sql.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json/json_text.h"

bool sql_fail(Db *db, Error *err)
{
    const int code = sqlite3_extended_errcode(db->sqlite);
    const char *path = db->path;
    const int system = sqlite3_system_errno(db->sqlite);
    const char *detail = system ? strerror(system) : sqlite3_errmsg(db->sqlite);
    const bool full = error_of_system(system) == ERR_NO_SPACE;
    switch (code & 0xff) {
    // Of the moment: the same may work later.
    case SQLITE_FULL:
        return fail(err, ERR_NO_SPACE, "the disk is full: the store %s cannot grow", path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return fail(err, ERR_IO, "the store %s is read-only: %s", path, detail);
    case SQLITE_CANTOPEN:
        return fail(err, ERR_IO, "the store %s cannot be opened: %s", path, detail);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fail(err, ERR_IO, "the store %s is locked by another program", path);
    case SQLITE_PROTOCOL:
        return fail(err, ERR_IO, "the store %s cannot be locked: %s", path, detail);
    case SQLITE_IOERR:
        if (code == SQLITE_IOERR_DATA || code == SQLITE_IOERR_CORRUPTFS)
            break;
        return fail(err, full ? ERR_NO_SPACE : ERR_IO, "the store %s cannot be read or written: %s",
                    path, detail);
    case SQLITE_NOMEM:
        return fail(err, ERR_NO_MEMORY, "no memory left for the store %s", path);
    // For good: the file, or this program, is wrong.
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        break;
    default:
        return fail(err, ERR_DAMAGED, "the store %s does not fit this program: %s", path,
                    sqlite3_errmsg(db->sqlite));
    }
    return fail(err, ERR_DAMAGED, "the store %s is damaged (%s): restore it from a backup", path,
                sqlite3_errmsg(db->sqlite));
}

static bool bind(Db *db, Error *err, sqlite3_stmt *stmt, const char *types, va_list values)
{
    for (int i = 0; types[i]; i++) {
        int code;
        if (types[i] == 'i')
            code = sqlite3_bind_int64(stmt, i + 1, va_arg(values, int64_t));
        else if (types[i] == 'r')
            code = sqlite3_bind_double(stmt, i + 1, va_arg(values, double));
        else
            code =
                sqlite3_bind_text(stmt, i + 1, va_arg(values, const char *), -1, SQLITE_TRANSIENT);
        if (code != SQLITE_OK)
            return sql_fail(db, err);
    }
    return true;
}

static bool prepare(Db *db, Error *err, sqlite3_stmt **stmt, const char *sql, const char *types,
                    va_list values)
{
    if (sqlite3_prepare_v2(db->sqlite, sql, -1, stmt, NULL) != SQLITE_OK)
        return sql_fail(db, err);
    if (bind(db, err, *stmt, types, values))
        return true;
    sqlite3_finalize(*stmt);
    *stmt = NULL;
    return false;
}

bool sql_prepare(Db *db, Error *err, sqlite3_stmt **stmt, const char *sql, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    const bool ok = prepare(db, err, stmt, sql, types, values);
    va_end(values);
    return ok;
}

bool sql_step(Db *db, Error *err, sqlite3_stmt *stmt, bool *more)
{
    const int code = sqlite3_step(stmt);
    *more = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE || sql_fail(db, err);
}

bool sql_run(Db *db, Error *err, const char *sql, const char *types, ...)
{
    sqlite3_stmt *stmt = NULL;
    va_list values;
    va_start(values, types);
    bool ok = prepare(db, err, &stmt, sql, types, values);
    va_end(values);
    bool more = ok;
    while (ok && more)
        ok = sql_step(db, err, stmt, &more);
    sqlite3_finalize(stmt);
    return ok;
}

bool sql_number(Db *db, Error *err, int64_t *number, const char *sql, const char *types, ...)
{
    sqlite3_stmt *stmt = NULL;
    va_list values;
    va_start(values, types);
    bool more = false;
    const bool ok = prepare(db, err, &stmt, sql, types, values) && sql_step(db, err, stmt, &more);
    va_end(values);
    *number = more ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return ok;
}

/* After the columns of a row were read: was there memory for all of them? */
static bool row_is_whole(Db *db, Error *err)
{
    return sqlite3_errcode(db->sqlite) != SQLITE_NOMEM || sql_fail(db, err);
}

/* The first row of a statement that is ready to run. */
static bool read_first(Db *db, Error *err, SqlRead *read, void *row, bool *found,
                       sqlite3_stmt *stmt)
{
    if (!sql_step(db, err, stmt, found))
        return false;
    if (!*found)
        return true;
    read(stmt, row);
    return row_is_whole(db, err);
}

bool sql_first(Db *db, Error *err, SqlRead *read, void *row, bool *found, const char *sql,
               const char *types, ...)
{
    sqlite3_stmt *stmt = NULL;
    va_list values;
    *found = false;
    va_start(values, types);
    const bool ok =
        prepare(db, err, &stmt, sql, types, values) && read_first(db, err, read, row, found, stmt);
    va_end(values);
    sqlite3_finalize(stmt);
    return ok;
}

bool sql_first_again(Db *db, Error *err, SqlRead *read, void *row, bool *found, sqlite3_stmt *stmt,
                     const char *types, ...)
{
    va_list values;
    *found = false;
    va_start(values, types);
    const bool ok =
        bind(db, err, stmt, types, values) && read_first(db, err, read, row, found, stmt);
    va_end(values);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return ok;
}

double sql_real(sqlite3_stmt *stmt, int column)
{
    if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
        return NAN;
    return sqlite3_column_double(stmt, column);
}

char *sql_text(sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return text ? xstrdup(text) : NULL;
}

void sql_copy(sqlite3_stmt *stmt, int column, char *text, size_t size)
{
    const char *stored = (const char *)sqlite3_column_text(stmt, column);
    snprintf(text, size, "%s", stored ? stored : "");
}

static void is_object(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const char *text = (const char *)sqlite3_value_text(values[0]);
    const size_t length = (size_t)sqlite3_value_bytes(values[0]);
    sqlite3_result_int(context, text && text[0] == '{' && strlen(text) == length
                                    && json_check_text("", text, length, NULL));
}

bool sql_add_functions(Db *db, Error *err)
{
    return sqlite3_create_function(db->sqlite, "is_object", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                   NULL, is_object, NULL, NULL)
               == SQLITE_OK
           || sql_fail(db, err);
}

void sql_append(char **sql, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const size_t used = strlen(*sql), more = (size_t)vsnprintf(NULL, 0, fmt, args);
    *sql = xrealloc(*sql, used + more + 1, 1);
    vsnprintf(*sql + used, more + 1, fmt, again);
    va_end(again);
    va_end(args);
}

void sql_append_statuses(char **sql, unsigned statuses, const char *const names[], int count)
{
    if (statuses == 0)
        return;
    sql_append(sql, " AND status IN (''");
    for (int status = 0; status < count; status++)
        if (statuses & 1u << status)
            sql_append(sql, ", '%s'", names[status]);
    sql_append(sql, ")");
}

bool sql_list(Db *db, Error *err, sqlite3_stmt *stmt, SqlList how, SqlRows *rows)
{
    size_t room = 0;
    bool more = false;
    *rows = (SqlRows){0};
    while (sql_step(db, err, stmt, &more)) {
        if (!more)
            return true;
        if (how.limit > 0 && rows->count == (size_t)how.limit) {
            rows->has_more = true;
            return true;
        }
        if (rows->count == room) {
            room = room ? 2 * room : 64;
            rows->items = xrealloc(rows->items, room, how.item_size);
        }
        how.read(stmt, (char *)rows->items + rows->count++ * how.item_size);
        if (!row_is_whole(db, err))
            return false;
    }
    return false;
}

bool sql_select(Store *store, SqlList how, SqlRows *rows, Error *err, const char *sql,
                const char *types, ...)
{
    Db *db = &store->reader;
    sqlite3_stmt *stmt = NULL;
    va_list values;
    *rows = (SqlRows){0};
    va_start(values, types);
    pthread_mutex_lock(&db->lock);
    const bool ok =
        prepare(db, err, &stmt, sql, types, values) && sql_list(db, err, stmt, how, rows);
    sqlite3_finalize(stmt);
    pthread_mutex_unlock(&db->lock);
    va_end(values);
    return ok;
}
