#include "server/store/store_columns.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json/json_text.h"

char *table_select(const Table *table)
{
    char *sql = xstrdup("SELECT id");
    for (size_t i = 0; i < table->count; i++)
        sql_append(&sql, ", %s", table->columns[i].name);
    return sql;
}

int word_index(const char *const *words, const char *word)
{
    int i = 0;
    // The table's CHECK lets no other word in; NULL is told when the row has been read.
    while (word && words[i + 1] && strcmp(words[i], word) != 0)
        i++;
    return i;
}

static void read_field(const Column *column, sqlite3_stmt *stmt, int at, void *field)
{
    switch (column->type) {
    case INT64:
        *(int64_t *)field = sqlite3_column_int64(stmt, at);
        break;
    case INT:
        *(int *)field = sqlite3_column_int(stmt, at);
        break;
    case REAL:
        *(double *)field = sql_real(stmt, at);
        break;
    case CHARS:
        sql_copy(stmt, at, field, column->size);
        break;
    case OBJECT:
    case ARRAY:
    case OBJECT_OR_NULL:
    case ARRAY_OR_NULL:
        *(char **)field = sql_text(stmt, at);
        break;
    case WORD: {
        const int i = word_index(column->words, (const char *)sqlite3_column_text(stmt, at));
        memcpy(field, &i, sizeof i);
        break;
    }
    }
}

char *column_damage(const char *table, int64_t id, const char *column, const char *text,
                    char opening, bool may_be_null)
{
    Error why = {0};
    if (!text || (may_be_null && (!text[0] || strcmp(text, "null") == 0)))
        return NULL;  // NULL: no memory, which is told when the row has been read
    const bool json = json_check_text(column, text, strlen(text), &why);
    if (json && text[strspn(text, " \t\r\n")] == opening)
        return NULL;
    if (json)
        fail(&why, ERR_DAMAGED, "%s: this is no %s", column, opening == '{' ? "object" : "array");
    return xasprintf("row %lld of the table %s is damaged in the store: %s", (long long)id, table,
                     why.message);
}

static char *field_damage(const Table *table, const Column *column, const void *row)
{
    const bool array = column->type == ARRAY || column->type == ARRAY_OR_NULL;
    const bool may_be_null = column->type == OBJECT_OR_NULL || column->type == ARRAY_OR_NULL;
    if (!array && !may_be_null && column->type != OBJECT)
        return NULL;
    const char *text = *(char *const *)((const char *)row + column->offset);
    return column_damage(table->name, *(const int64_t *)row, column->name, text, array ? '[' : '{',
                         may_be_null);
}

void table_read(const Table *table, sqlite3_stmt *stmt, void *row)
{
    char **damage = (char **)((char *)row + table->damage);
    *(int64_t *)row = sqlite3_column_int64(stmt, 0);
    for (size_t i = 0; i < table->count; i++) {
        const Column *column = &table->columns[i];
        read_field(column, stmt, (int)i + 1, (char *)row + column->offset);
        if (!*damage)
            *damage = field_damage(table, column, row);
    }
}

/* A field as the parameter `at` of a statement; SQLite's answer. */
static int bind_field(sqlite3_stmt *stmt, int at, const Column *column, const void *field)
{
    const char *text = NULL;
    int word;
    switch (column->type) {
    case INT64:
        return sqlite3_bind_int64(stmt, at, *(const int64_t *)field);
    case INT:
        return sqlite3_bind_int(stmt, at, *(const int *)field);
    case REAL:
        return sqlite3_bind_double(stmt, at, *(const double *)field);
    case CHARS:
        text = field;
        break;
    case OBJECT:
    case ARRAY:
    case OBJECT_OR_NULL:
    case ARRAY_OR_NULL:
        text = *(char *const *)field;
        break;
    case WORD:
        memcpy(&word, field, sizeof word);
        text = column->words[word];
        break;
    }
    return sqlite3_bind_text(stmt, at, text, -1, SQLITE_TRANSIENT);
}

/* `?1` is the id, the others follow. */
static bool bind_row(const Table *table, Db *db, sqlite3_stmt *stmt, const void *row, Error *err)
{
    const int64_t id = *(const int64_t *)row;
    int code = id > 0 ? sqlite3_bind_int64(stmt, 1, id) : SQLITE_OK;
    for (size_t i = 0; i < table->count && code == SQLITE_OK; i++)
        code = bind_field(stmt, (int)i + 2, &table->columns[i],
                          (const char *)row + table->columns[i].offset);
    return code == SQLITE_OK || sql_fail(db, err);
}

static bool write_row(const Table *table, Db *db, const char *sql, const void *row, Error *err)
{
    sqlite3_stmt *stmt = NULL;
    bool more = false;
    const bool ok = sql_prepare(db, err, &stmt, sql, "") && bind_row(table, db, stmt, row, err)
                    && sql_step(db, err, stmt, &more);
    sqlite3_finalize(stmt);
    return ok;
}

bool table_add(const Table *table, Db *db, void *row, Error *err)
{
    char *sql = xstrdup("INSERT INTO ");
    sql_append(&sql, "%s (id", table->name);
    for (size_t i = 0; i < table->count; i++)
        sql_append(&sql, ", %s", table->columns[i].name);
    sql_append(&sql, ") VALUES (?1");
    for (size_t i = 0; i < table->count; i++)
        sql_append(&sql, ", ?%zu", i + 2);
    sql_append(&sql, ")");
    *(int64_t *)row = 0;
    const bool ok = write_row(table, db, sql, row, err);
    if (ok)
        *(int64_t *)row = sqlite3_last_insert_rowid(db->sqlite);
    free(sql);
    return ok;
}

bool table_save(const Table *table, Db *db, const void *row, Error *err)
{
    char *sql = xstrdup("UPDATE ");
    sql_append(&sql, "%s SET", table->name);
    for (size_t i = 0; i < table->count; i++)
        sql_append(&sql, "%s %s = ?%zu", i > 0 ? "," : "", table->columns[i].name, i + 2);
    sql_append(&sql, " WHERE id = ?1");
    const bool ok = write_row(table, db, sql, row, err);
    free(sql);
    return ok;
}
