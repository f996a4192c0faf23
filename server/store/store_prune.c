/* server/store/store_prune.c -- events that are not kept for ever.
 *
 * Those that tell of a deletion, since what was deleted has no end. And those of a job that trains
 * for weeks, or of a model that is changed all the time: what tells of a state is kept, the rest is
 * there for readers that come back after a while, and can be read elsewhere: points, epochs and
 * checkpoints in lists of their own, names and metadata in what has them. replay.oldest_event tells
 * readers that are further behind that they have missed something. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/store/store_sql.h"

enum {
    DELETED_KEPT = 1000,  // newest events that tell of a deletion and stay
    SLICE = 500,          // rows that one transaction removes while a training may want to write
};

/* The last event of a job, a data set, a model or an evaluation that was deleted: as the index
 * events_deleted has it, word for word. */
#define TELLS_A_DELETION                                                                           \
    "(type = 'deleted' OR (job_id < 0 AND"                                                         \
    " CASE WHEN json_valid(data) THEN"                                                             \
    " coalesce(json_extract(data, '$.status'), json_extract(data, '$.action')) END = 'deleted'))"

/* Whoever is behind that event has missed some. */
static bool raise_oldest(Db *db, int64_t oldest, Error *err)
{
    return sql_run(db, err, "UPDATE replay SET oldest_event = max(oldest_event, ?)", "i", oldest);
}

bool store_prune_events(Store *store, int64_t *oldest, Error *err)
{
    Db *db = &store->writer;
    int64_t last_gone = 0;
    *oldest = 0;
    if (!sql_number(db, err, &last_gone,
                    "SELECT id FROM events INDEXED BY events_deleted WHERE " TELLS_A_DELETION
                    " ORDER BY id DESC LIMIT 1 OFFSET ?",
                    "i", (int64_t)DELETED_KEPT))
        return false;
    if (last_gone == 0)
        return true;
    *oldest = last_gone + 1;
    return sql_run(db, err,
                   "DELETE FROM events INDEXED BY events_deleted WHERE " TELLS_A_DELETION
                   " AND id <= ?",
                   "i", last_gone)
           && raise_oldest(db, *oldest, err);
}

/* ---- Events of what is still there ---- */

static const struct {
    const char *types;
    int64_t kept;  // those among so many of the newest events of the subject
} PRUNED[] = {
    {"('point')", 10000},
    {"('point', 'epoch', 'checkpoint', 'updated', 'model')", 20000},
};

bool store_next_subject(Store *store, int64_t subject, int64_t since, int64_t *next, Error *err)
{
    static const char SQL[] =
        "WITH RECURSIVE subjects (id) AS (SELECT min(job_id) FROM events WHERE job_id > ?1"
        " UNION ALL SELECT (SELECT min(job_id) FROM events WHERE job_id > subjects.id)"
        " FROM subjects WHERE subjects.id IS NOT NULL)"
        " SELECT id FROM subjects"
        " WHERE (SELECT max(e.id) FROM events e WHERE e.job_id = subjects.id) > ?2 LIMIT 1";
    Db *db = &store->reader;
    *next = 0;
    pthread_mutex_lock(&db->lock);
    const bool ok = sql_number(db, err, next, SQL, "ii", subject, since);
    pthread_mutex_unlock(&db->lock);
    return ok;
}

/* The newest event of a rule that lies beyond those kept. */
static bool newest_beyond(Db *db, int64_t subject, const char *types, int64_t kept, int64_t *newest,
                          Error *err)
{
    int64_t end = 0;
    *newest = 0;
    if (!sql_number(db, err, &end,
                    "SELECT id FROM events WHERE job_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?",
                    "ii", subject, kept))
        return false;
    if (end == 0)
        return true;
    char *sql = xasprintf("SELECT id FROM events WHERE job_id = ? AND id <= ? AND type IN %s"
                          " ORDER BY id DESC LIMIT 1",
                          types);
    const bool ok = sql_number(db, err, newest, sql, "ii", subject, end);
    free(sql);
    return ok;
}

bool store_prunable(Store *store, int64_t subject, int64_t *newest, Error *err)
{
    Db *db = &store->reader;
    bool ok = true;
    *newest = 0;
    pthread_mutex_lock(&db->lock);
    for (size_t i = 0; ok && i < COUNT(PRUNED); i++) {
        int64_t id = 0;
        ok = newest_beyond(db, subject, PRUNED[i].types, PRUNED[i].kept, &id, err);
        *newest = id > *newest ? id : *newest;
    }
    pthread_mutex_unlock(&db->lock);
    return ok;
}

bool store_prune_subject(Store *store, int64_t subject, int64_t newest, bool *more, Error *err)
{
    Db *db = &store->writer;
    bool ok = raise_oldest(db, newest + 1, err);
    *more = false;
    for (size_t i = 0; ok && !*more && i < COUNT(PRUNED); i++) {
        char *sql = xasprintf("DELETE FROM events WHERE id IN (SELECT id FROM events"
                              " WHERE job_id = ?1 AND id <= min(?2, (SELECT id FROM events"
                              " WHERE job_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?3))"
                              " AND type IN %s ORDER BY id LIMIT ?4)",
                              PRUNED[i].types);
        ok = sql_run(db, err, sql, "iiii", subject, newest, PRUNED[i].kept, (int64_t)SLICE);
        *more = ok && sqlite3_changes(db->sqlite) == SLICE;
        free(sql);
    }
    return ok;
}
