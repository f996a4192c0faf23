/* server/store/store_removals.c -- what is to go, and has not gone yet.
 *
 * Deleting a job takes its row at once, in a transaction so small that a full disk has room for it.
 * Its files, points and events go after that, a slice at a time; a row in `removals` remembers it,
 * so that a restart goes on where a death ended it. The files of single checkpoints likewise. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/store/store_evaluations.h"
#include "server/store/store_sql.h"

enum {
    SLICE = 2000,    // rows that one transaction removes
    WHOLE_JOB = -1,  // in place of a step
    AWAY = -2,       // likewise: its rows go as those of others, this one stays for its files
};

bool store_remove_job(Store *store, int64_t id, Error *err)
{
    Db *db = &store->writer;
    static const char *const GO_AT_ONCE[] = {
        "DELETE FROM jobs WHERE id = ?",
        "DELETE FROM checkpoints WHERE job_id = ?",
        "DELETE FROM job_kernels WHERE job_id = ?",
        "DELETE FROM removals WHERE job_id = ?",
    };
    for (size_t i = 0; i < COUNT(GO_AT_ONCE); i++) {
        if (!sql_run(db, err, GO_AT_ONCE[i], "i", id))
            return false;
    }
    if (!store_remove_keys(store, KEY_OF_JOB, id, err)
        || !store_remove_job_evaluations(store, id, err))
        return false;
    return sql_run(db, err, "INSERT INTO removals VALUES (?, ?)", "ii", id, (int64_t)WHOLE_JOB);
}

bool store_remove_job_later(Store *store, int64_t id, Error *err)
{
    return sql_run(&store->writer, err, "INSERT INTO removals VALUES (?, ?)", "ii", id,
                   (int64_t)AWAY);
}

/* One slice of one table. *gone counts on. */
static bool purge_slice(Db *db, const char *sql, int64_t id, int64_t *gone, Error *err)
{
    if (!sql_run(db, err, sql, "iii", id, id, (int64_t)SLICE))
        return false;
    *gone += sqlite3_changes(db->sqlite);
    return true;
}

bool store_purge_job(Store *store, int64_t id, bool *done, Error *err)
{
    Db *db = &store->writer;
    static const char *const TABLES[] = {
        "DELETE FROM points WHERE job_id = ? AND step IN"
        " (SELECT step FROM points WHERE job_id = ? LIMIT ?)",
        "DELETE FROM epochs WHERE job_id = ? AND epoch IN"
        " (SELECT epoch FROM epochs WHERE job_id = ? LIMIT ?)",
        "DELETE FROM events WHERE job_id = ? AND id IN"
        " (SELECT id FROM events WHERE job_id = ? AND type <> 'deleted' LIMIT ?)",
    };
    int64_t gone = 0;
    for (size_t i = 0; i < COUNT(TABLES) && gone == 0; i++) {
        if (!purge_slice(db, TABLES[i], id, &gone, err))
            return false;
    }
    *done = gone == 0;
    return !*done || store_removed(store, id, WHOLE_JOB, err);
}

bool store_remove_checkpoint(Store *store, int64_t job_id, int64_t step, Error *err)
{
    Db *db = &store->writer;
    return sql_run(db, err, "DELETE FROM checkpoints WHERE job_id = ? AND step = ?", "ii", job_id,
                   step)
           && sql_run(db, err, "INSERT OR REPLACE INTO removals VALUES (?, ?)", "ii", job_id, step);
}

bool store_removed(Store *store, int64_t job_id, int64_t step, Error *err)
{
    return sql_run(&store->writer, err, "DELETE FROM removals WHERE job_id = ? AND step = ?", "ii",
                   job_id, step);
}

static void read_removal(sqlite3_stmt *stmt, void *item)
{
    *(Removal *)item = (Removal){
        .job_id = sqlite3_column_int64(stmt, 0),
        .step = sqlite3_column_int64(stmt, 1),
        .whole_job = sqlite3_column_int64(stmt, 1) == WHOLE_JOB,
        .away = sqlite3_column_int64(stmt, 1) == AWAY,
    };
}

bool store_removals(Store *store, int64_t job_id, RemovalList *list, Error *err)
{
    static const char SQL[] = "SELECT job_id, step FROM removals WHERE ? IN (0, job_id)";
    const SqlList how = {.item_size = sizeof *list->items, .read = read_removal};
    SqlRows rows;
    const bool ok = sql_select(store, how, &rows, err, SQL, "i", job_id);
    *list = (RemovalList){rows.items, rows.count};
    if (!ok)
        removal_list_free(list);
    return ok;
}
