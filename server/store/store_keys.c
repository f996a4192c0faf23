/* server/store/store_keys.c -- idempotency keys, and what came of them. */
#include <stdlib.h>
#include <string.h>

#include "server/store/store_sql.h"

static const char *const KINDS[] = {[KEY_OF_JOB] = "job",
                                    [KEY_OF_VERSION] = "version",
                                    [KEY_OF_DATASET] = "dataset",
                                    [KEY_OF_EVALUATION] = "evaluation"};

bool store_same_request(const char *stored, const char *request)
{
    const size_t n = strlen(stored);
    return strncmp(stored, request, n) == 0 && (request[n] == '\0' || request[n] == ' ');
}

static bool find_key(Db *db, KeyKind kind, RequestKey key, int64_t *id, Error *err)
{
    sqlite3_stmt *stmt = NULL;
    bool found = false;
    *id = 0;
    if (!key.text)
        return true;
    bool ok = sql_prepare(db, err, &stmt,
                          "SELECT request, object_id FROM request_keys WHERE kind = ? AND key = ?",
                          "tt", KINDS[kind], key.text)
              && sql_step(db, err, stmt, &found);
    if (ok && found) {
        char *before = sql_text(stmt, 0);
        ok = store_same_request(before, key.request)
             || fail_as(err, ERR_CONFLICT, "key_reused",
                        "the idempotency key %s was used before for another request", key.text);
        *id = ok ? sqlite3_column_int64(stmt, 1) : 0;
        free(before);
    }
    sqlite3_finalize(stmt);
    return ok;
}

bool store_find_key(Store *store, KeyKind kind, RequestKey key, int64_t *id, Error *err)
{
    return find_key(&store->writer, kind, key, id, err);
}

bool store_key(Store *store, KeyKind kind, RequestKey key, int64_t *id, Error *err)
{
    pthread_mutex_lock(&store->reader.lock);
    const bool ok = find_key(&store->reader, kind, key, id, err);
    pthread_mutex_unlock(&store->reader.lock);
    return ok;
}

bool store_add_key(Store *store, KeyKind kind, RequestKey key, int64_t id, Error *err)
{
    return !key.text
           || sql_run(&store->writer, err, "INSERT INTO request_keys VALUES (?, ?, ?, ?)", "ttti",
                      KINDS[kind], key.text, key.request, id);
}

bool store_remove_keys(Store *store, KeyKind kind, int64_t id, Error *err)
{
    return sql_run(&store->writer, err, "DELETE FROM request_keys WHERE kind = ? AND object_id = ?",
                   "ti", KINDS[kind], id);
}
