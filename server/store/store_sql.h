/* server/store/store_sql.h -- how the files of the store speak to SQLite. Nobody else includes
 * this.
 *
 * Values are bound by a string of letters, one for each `?`: 'i' int64_t, 'r' double, 't' const
 * char * (NULL is NULL). Not a number is stored as NULL and comes back as not a number.
 */
#pragma once
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "server/store/store.h"

/* A connection and the lock that whoever uses it holds. */
typedef struct {
    sqlite3 *sqlite;
    const char *path;  // of the store
    pthread_mutex_t lock;
} Db;

struct Store {
    char *path;
    Db writer;  // of whoever is between store_begin and store_commit or store_rollback
    Db reader;
    pthread_mutex_t gate;           // of `writing`; held for moments only
    pthread_cond_t open;            // nobody writes
    sqlite3_stmt *resolve_version;  // of the reader, kept from one request to the next; NULL
    bool writing;
    _Atomic double writing_since;  // monotonic seconds; 0: nobody writes
    _Atomic double give_up_at;     // nobody waits for another writer after this; 0: for ever
};

/* Fill *err with a sentence for what the connection has just answered. Returns false. The code says
 * whether trying again may help: ERR_IO, ERR_NO_SPACE and ERR_NO_MEMORY are of the moment,
 * ERR_DAMAGED is not. */
bool sql_fail(Db *db, Error *err);

/* Prepare and bind; the caller finalizes. */
bool sql_prepare(Db *db, Error *err, sqlite3_stmt **stmt, const char *sql, const char *types, ...);

/* One row further. *more is false after the last. */
bool sql_step(Db *db, Error *err, sqlite3_stmt *stmt, bool *more);

/* Prepare, bind, run to the end. */
bool sql_run(Db *db, Error *err, const char *sql, const char *types, ...);

/* The first column of the first row; 0 if there is no row or it is NULL. */
bool sql_number(Db *db, Error *err, int64_t *number, const char *sql, const char *types, ...);

/* The first row, if there is one. On failure with *found its texts are the caller's to free, as far
 * as there was memory for them. */
typedef void SqlRead(sqlite3_stmt *stmt, void *row);
bool sql_first(Db *db, Error *err, SqlRead *read, void *row, bool *found, const char *sql,
               const char *types, ...);

/* The same with a statement of the caller's, who finalizes it at last: one that is often run takes
 * less time than it takes to prepare. */
bool sql_first_again(Db *db, Error *err, SqlRead *read, void *row, bool *found, sqlite3_stmt *stmt,
                     const char *types, ...);

/* Make a statement longer; `*sql` is from malloc and moves. Only names of ours go in this way. */
void sql_append(char **sql, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* " AND status IN (...)" of those whose bits are set; nothing if none is. */
void sql_append_statuses(char **sql, unsigned statuses, const char *const names[], int count);

double sql_real(sqlite3_stmt *stmt, int column);
char *sql_text(sqlite3_stmt *stmt, int column);  // owned by the caller; NULL for NULL
void sql_copy(sqlite3_stmt *stmt, int column, char *text, size_t size);

/* A column of JSON for SQLite's own functions, which let a whole statement fail over a single text
 * that is none: NULL in place of one. */
#define READABLE(column) "CASE WHEN json_valid(" column ") THEN " column " END"

/* is_object(text) in SQL: whether it is a JSON object that answers can have as it stands. */
bool sql_add_functions(Db *db, Error *err);

/* How the rows of a statement become a list. */
typedef struct {
    size_t item_size;
    SqlRead *read;
    int limit;  // 0: all
} SqlList;

typedef struct {
    void *items;  // from malloc, on failure too
    size_t count;
    bool has_more;  // there was another row
} SqlRows;

bool sql_list(Db *db, Error *err, sqlite3_stmt *stmt, SqlList how, SqlRows *rows);

/* Prepare, bind and list, through the reader. */
bool sql_select(Store *store, SqlList how, SqlRows *rows, Error *err, const char *sql,
                const char *types, ...);

/* What happens to others than jobs is told among the jobs' events, under ids that no job has: a
 * reader of all events gets them in their order. */
static inline int64_t events_of_dataset(int64_t id)
{
    return -id;
}

static inline int64_t events_of_model(int64_t id)
{
    return -(INT64_C(1) << 40) - id;
}

static inline int64_t events_of_evaluation(int64_t id)
{
    return -(INT64_C(1) << 48) - id;
}

/* Tell something under that id; it replaces what was told of progress there. */
bool store_tell_over(Store *store, int64_t events, Event *event, Error *err);

/* Ids of that table from now on are above `least`. */
bool store_raise_sequence(Db *db, const char *table, int64_t least, Error *err);

enum { SCHEMA_APPLICATION_ID = 0x676e6574 };  // marks a database as ours: "gnet"

/* Step i makes version i + 1 of version i. */
typedef struct {
    const char *const *sql;
    int count;
} SchemaSteps;

/* ERR_INVALID: the database is neither empty nor one of ours. Changes nothing. */
bool schema_check_ours(Db *db, const char *path, Error *err);

/* Take the steps that the database has not seen, in one transaction each: one that fails leaves the
 * version before it. ERR_INVALID: a newer database, or another program's. */
bool schema_apply(Db *db, const char *path, SchemaSteps steps, Error *err);

/* The steps of this program. */
SchemaSteps schema_steps(void);
