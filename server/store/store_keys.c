/* server/store/store_keys.c -- idempotency keys, and the jobs that came of them. */
#include "server/store/store_sql.h"

static bool find_key(Db *db, const char *key, char **request, int64_t *job_id, Error *err)
{
    sqlite3_stmt *stmt = NULL;
    bool found = false;
    *request = NULL;
    *job_id = 0;
    const bool ok =
        sql_prepare(db, err, &stmt, "SELECT request, job_id FROM idempotency_keys WHERE key = ?",
                    "t", key)
        && sql_step(db, err, stmt, &found);
    if (ok && found) {
        *request = sql_text(stmt, 0);
        *job_id = sqlite3_column_int64(stmt, 1);
    }
    sqlite3_finalize(stmt);
    return ok;
}

bool store_find_key(Store *store, const char *key, char **request, int64_t *job_id, Error *err)
{
    return find_key(&store->writer, key, request, job_id, err);
}

bool store_key(Store *store, const char *key, char **request, int64_t *job_id, Error *err)
{
    pthread_mutex_lock(&store->reader.lock);
    const bool ok = find_key(&store->reader, key, request, job_id, err);
    pthread_mutex_unlock(&store->reader.lock);
    return ok;
}

bool store_add_key(Store *store, const char *key, const char *request, int64_t job_id, Error *err)
{
    return sql_run(&store->writer, err, "INSERT INTO idempotency_keys VALUES (?, ?, ?)", "tti", key,
                   request, job_id);
}
