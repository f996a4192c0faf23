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
#include "server/base/time.h"
#include "server/store/store_file.h"
#include "server/store/store_sql.h"

enum {
    BUSY_MS = 5000,       // how long the lock of another program is waited for
    SPARE_PAGES = 4096,   // empty ones that stay for what comes next: 16 MiB
    SHRINK_PAGES = 512,   // that one transaction gives back
    GATE_SLICE_MS = 100,  // how often those who wait for another writer look whether to give up
};

static bool gives_up(Store *store)
{
    const double at = atomic_load(&store->give_up_at);
    return at > 0 && clock_seconds() >= at;
}

/* SQLite waits for another program's lock by calling this with the calls made so far. */
static int on_busy(void *context, int calls)
{
    enum { PAUSE_MS = 20 };
    Store *store = context;
    if (calls * PAUSE_MS >= BUSY_MS || gives_up(store))
        return 0;
    sqlite3_sleep(PAUSE_MS);
    return 1;
}

static bool db_open(Store *store, Db *db, Error *err)
{
    const char *path = store->path;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    db->path = path;
    if (sqlite3_open_v2(path, &db->sqlite, flags, NULL) != SQLITE_OK) {
        if (!db->sqlite)
            return fail(err, ERR_NO_MEMORY, "no memory for the store %s", path);
        return sql_fail(db, err);
    }
    // SQLite opens what it may not write for reading, and later complains of something else.
    if (sqlite3_db_readonly(db->sqlite, "main") == 1)
        return fail(err, ERR_IO, "the store %s is read-only: %s", path,
                    access(path, W_OK) != 0 ? strerror(errno) : "it was opened for reading");
    sqlite3_busy_handler(db->sqlite, on_busy, store);
    return sql_add_functions(db, err);
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
            ok = fail(err, ERR_DAMAGED, "the store %s is damaged (%s): restore it from a backup",
                      sqlite3_db_filename(db->sqlite, "main"), found ? found : "no answer");
    }
    sqlite3_finalize(stmt);
    return ok;
}

/* For store_shrink. It can be asked of a store that is made now, and only there: on another one it
 * is a write, which a full disk refuses. */
static bool keep_free_pages_apart(Db *db, Error *err)
{
    int64_t pages = 0;
    return sql_number(db, err, &pages, "PRAGMA page_count", "")
           && (pages > 0 || sql_run(db, err, "PRAGMA auto_vacuum = INCREMENTAL", ""));
}

static bool prepare_writer(Store *store, Error *err)
{
    Db *db = &store->writer;
    // FULL: a commit is on the disk before it returns. The log is cut back when it has been long.
    return schema_check_ours(db, store->path, err) && keep_free_pages_apart(db, err)
           && sql_run(db, err, "PRAGMA journal_mode = WAL", "")
           && sql_run(db, err, "PRAGMA synchronous = FULL", "")
           && sql_run(db, err, "PRAGMA journal_size_limit = 16777216", "") && check_pages(db, err)
           && schema_apply(db, store->path, schema_steps(), err);
}

bool store_open(const char *path, Store **out, Error *err)
{
    Store *store = xcalloc(1, sizeof *store);
    store->path = xstrdup(path);
    pthread_mutex_init(&store->writer.lock, NULL);
    pthread_mutex_init(&store->gate, NULL);
    cond_init_monotonic(&store->open);
    pthread_mutex_init(&store->reader.lock, NULL);
    *out = NULL;
    if (!store_file_prepare(path, err) || !db_open(store, &store->writer, err)
        || !prepare_writer(store, err) || !db_open(store, &store->reader, err)
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
    sqlite3_finalize(store->resolve_version);
    db_close(&store->reader);
    db_close(&store->writer);
    pthread_cond_destroy(&store->open);
    pthread_mutex_destroy(&store->gate);
    free(store->path);
    free(store);
}

/* ---- Transactions ---- */

/* Wait until nobody else writes. Where a disk is stalled, those who are in a hurry do not. */
static bool begin_writing(Store *store, Error *err)
{
    pthread_mutex_lock(&store->gate);
    while (store->writing && !gives_up(store)) {
        const struct timespec until = clock_after(GATE_SLICE_MS * 1e-3);
        pthread_cond_timedwait(&store->open, &store->gate, &until);
    }
    const bool ok = !store->writing;
    store->writing = true;
    pthread_mutex_unlock(&store->gate);
    if (!ok)
        return fail(err, ERR_IO,
                    "the store %s does not answer: a write has been under way for %.0f s",
                    store->path, store_writing_seconds(store));
    atomic_store(&store->writing_since, clock_seconds());
    return true;
}

static void end_writing(Store *store)
{
    atomic_store(&store->writing_since, 0);
    pthread_mutex_lock(&store->gate);
    store->writing = false;
    pthread_cond_signal(&store->open);
    pthread_mutex_unlock(&store->gate);
}

double store_writing_seconds(Store *store)
{
    const double since = atomic_load(&store->writing_since);
    return since > 0 ? clock_seconds() - since : 0;
}

void store_hurry(Store *store, double seconds)
{
    atomic_store(&store->give_up_at, clock_seconds() + seconds);
}

bool store_begin(Store *store, Error *err)
{
    if (!begin_writing(store, err))
        return false;
    if (sql_run(&store->writer, err, "BEGIN IMMEDIATE", ""))
        return true;
    end_writing(store);
    return false;
}

void store_rollback(Store *store)
{
    // SQLite has rolled back by itself after some faults, and then there is nothing to do.
    if (!sqlite3_get_autocommit(store->writer.sqlite))
        sqlite3_exec(store->writer.sqlite, "ROLLBACK", NULL, NULL, NULL);
    end_writing(store);
}

bool store_commit(Store *store, Error *err)
{
    if (!sql_run(&store->writer, err, "COMMIT", "")) {
        store_rollback(store);
        return false;
    }
    end_writing(store);
    return true;
}

bool store_probe(Store *store, Error *err)
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

static bool shrink(Db *db, bool *more, Error *err)
{
    enum { INCREMENTAL = 2 };  // as SQLite numbers the kinds of auto_vacuum
    int64_t kind = 0, before = 0, after = 0;
    *more = false;
    if (!sql_number(db, err, &kind, "PRAGMA auto_vacuum", "")
        || !sql_number(db, err, &before, "PRAGMA freelist_count", ""))
        return false;
    if (kind != INCREMENTAL || before <= SPARE_PAGES)
        return true;
    char *sql = xasprintf("PRAGMA incremental_vacuum(%d)", SHRINK_PAGES);
    const bool ok =
        sql_run(db, err, sql, "") && sql_number(db, err, &after, "PRAGMA freelist_count", "");
    free(sql);
    *more = ok && after > SPARE_PAGES && after < before;
    return ok;
}

bool store_shrink(Store *store, bool *more, Error *err)
{
    *more = false;
    if (!store_begin(store, err))
        return false;
    if (shrink(&store->writer, more, err))
        return store_commit(store, err);
    store_rollback(store);
    return false;
}
