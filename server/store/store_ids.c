/* server/store/store_ids.c -- ids that only grow, and the lives that they were given in. */
#include "server/store/store_sql.h"

enum { LIVES_KEPT = 1000 };  // older ones are as unknown as another store's

bool store_begin_life(Store *store, Error *err)
{
    Db *db = &store->writer;
    int64_t last = 0;
    // The sequence, not the rows: those of a deleted job are gone, and their numbers stay used.
    return sql_number(db, err, &last, "SELECT seq FROM sqlite_sequence WHERE name = 'events'", "")
           && sql_run(db, err, "INSERT INTO lives VALUES (lower(hex(randomblob(8))), ?)", "i", last)
           && sql_run(db, err,
                      "DELETE FROM lives WHERE rowid <= (SELECT max(rowid) FROM lives) - ?", "i",
                      (int64_t)LIVES_KEPT);
}

static void read_life(sqlite3_stmt *stmt, void *item)
{
    Life *life = item;
    *life = (Life){.after_event = sqlite3_column_int64(stmt, 1)};
    sql_copy(stmt, 0, life->id, sizeof life->id);
}

bool store_lives(Store *store, LifeList *list, Error *err)
{
    const SqlList how = {.item_size = sizeof *list->items, .read = read_life};
    SqlRows rows;
    const bool ok = sql_select(store, how, &rows, err,
                               "SELECT id, after_event FROM lives ORDER BY rowid DESC", "");
    *list = (LifeList){rows.items, rows.count};
    if (!ok)
        life_list_free(list);
    return ok;
}

bool store_event_range(Store *store, EventRange *range, Error *err)
{
    Db *db = &store->reader;
    pthread_mutex_lock(&db->lock);
    const bool ok = sql_number(db, err, &range->oldest, "SELECT oldest_event FROM replay", "")
                    && sql_number(db, err, &range->last,
                                  "SELECT seq FROM sqlite_sequence WHERE name = 'events'", "");
    pthread_mutex_unlock(&db->lock);
    return ok;
}

/* SQLite keeps the last id of a table here; a table that never had a row has none. */
bool store_raise_sequence(Db *db, const char *table, int64_t least, Error *err)
{
    int64_t last = 0;
    if (!sql_number(db, err, &last, "SELECT seq FROM sqlite_sequence WHERE name = ?", "t", table))
        return false;
    if (least <= last)
        return true;
    return sql_run(db, err, "DELETE FROM sqlite_sequence WHERE name = ?", "t", table)
           && sql_run(db, err, "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", "ti", table,
                      least);
}

bool store_raise_ids(Store *store, int64_t last_job, int64_t last_event, Error *err)
{
    return store_raise_sequence(&store->writer, "jobs", last_job, err)
           && store_raise_sequence(&store->writer, "events", last_event, err);
}
