/* server/store/store.c -- the database as a whole: open, transactions, health. */
#include "server/store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/store/store_sql.h"

enum {
    BUSY_MS = 5000,         // how long somebody else's lock is waited for
    CHECK_AGE_SECONDS = 1,  // how long the answer of store_check is good for
};

static bool db_open(Db *db, const char *path, Error *err)
{
    pthread_mutex_init(&db->lock, NULL);
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &db->sqlite, flags, NULL) != SQLITE_OK) {
        if (!db->sqlite)
            return fail(err, ERR_NO_MEMORY, "no memory for the store %s", path);
        return sql_fail(db, err);
    }
    // SQLite opens what it may not write for reading, and later complains of something else.
    if (sqlite3_db_readonly(db->sqlite, "main") == 1)
        return fail(err, ERR_IO, "the store %s is read-only: %s", path,
                    access(path, W_OK) != 0 ? strerror(errno) : "it was opened for reading");
    sqlite3_busy_timeout(db->sqlite, BUSY_MS);
    return sql_run(db, err, "PRAGMA foreign_keys = ON", "");
}

static void db_close(Db *db)
{
    if (sqlite3_close(db->sqlite) != SQLITE_OK)
        abort();  // a statement was left open: a fault of ours
    pthread_mutex_destroy(&db->lock);
}

/* Damage is better found before a job has been built on it. */
static bool check_pages(Db *db, Error *err)
{
    sqlite3_stmt *stmt = NULL;
    bool more = false;
    if (!sql_prepare(db, err, &stmt, "PRAGMA quick_check(1)", ""))
        return false;
    bool ok = sql_step(db, err, stmt, &more);
    if (ok && more) {
        const char *found = (const char *)sqlite3_column_text(stmt, 0);
        if (!found || strcmp(found, "ok") != 0)
            ok = fail(err, ERR_IO, "the store %s is damaged (%s): restore it from a backup",
                      sqlite3_db_filename(db->sqlite, "main"), found ? found : "no answer");
    }
    sqlite3_finalize(stmt);
    return ok;
}

static bool prepare_writer(Store *store, Error *err)
{
    Db *db = &store->writer;
    // FULL: a commit is on the disk before it returns. The log is cut back when it has been long.
    return sql_run(db, err, "PRAGMA journal_mode = WAL", "")
           && sql_run(db, err, "PRAGMA synchronous = FULL", "")
           && sql_run(db, err, "PRAGMA journal_size_limit = 16777216", "") && check_pages(db, err)
           && schema_apply(db, store->path, schema_steps(), err);
}

bool store_open(const char *path, Store **out, Error *err)
{
    Store *store = xcalloc(1, sizeof *store);
    store->path = xstrdup(path);
    pthread_mutex_init(&store->check_lock, NULL);
    *out = NULL;
    if (!db_open(&store->writer, path, err) || !prepare_writer(store, err)
        || !db_open(&store->reader, path, err)
        || !sql_run(&store->reader, err, "PRAGMA query_only = ON", "")) {
        store_close(store);
        return false;
    }
    *out = store;
    return true;
}

void store_close(Store *store)
{
    if (!store)
        return;
    db_close(&store->reader);
    db_close(&store->writer);
    pthread_mutex_destroy(&store->check_lock);
    free(store->path);
    free(store);
}

bool store_begin(Store *store, Error *err)
{
    pthread_mutex_lock(&store->writer.lock);
    if (sql_run(&store->writer, err, "BEGIN IMMEDIATE", ""))
        return true;
    pthread_mutex_unlock(&store->writer.lock);
    return false;
}

void store_rollback(Store *store)
{
    // SQLite has rolled back by itself after some faults, and then there is nothing to do.
    if (!sqlite3_get_autocommit(store->writer.sqlite))
        sqlite3_exec(store->writer.sqlite, "ROLLBACK", NULL, NULL, NULL);
    pthread_mutex_unlock(&store->writer.lock);
}

bool store_commit(Store *store, Error *err)
{
    if (!sql_run(&store->writer, err, "COMMIT", "")) {
        store_rollback(store);
        return false;
    }
    pthread_mutex_unlock(&store->writer.lock);
    return true;
}

static bool probe(Store *store, Error *err)
{
    if (!store_begin(store, err))
        return false;
    if (!sql_run(&store->writer, err, "UPDATE probe SET count = count + 1", "")) {
        store_rollback(store);
        return false;
    }
    if (!store_commit(store, err))
        return false;
    int64_t count = 0;
    pthread_mutex_lock(&store->reader.lock);
    const bool ok = sql_number(&store->reader, err, &count, "SELECT count FROM probe", "");
    pthread_mutex_unlock(&store->reader.lock);
    return ok;
}

bool store_check(Store *store, Error *err)
{
    pthread_mutex_lock(&store->check_lock);
    const double now = clock_seconds();
    if (store->checked_at == 0 || now - store->checked_at >= CHECK_AGE_SECONDS) {
        store->check = (Error){0};
        probe(store, &store->check);
        store->checked_at = now;
    }
    const bool ok = store->check.code == ERR_NONE;
    if (!ok && err)
        *err = store->check;
    pthread_mutex_unlock(&store->check_lock);
    return ok;
}
