/* server/store/store_speed.c -- how fast earlier jobs were. */
#include "server/store/store_sql.h"

/* Jobs that have made so few steps say little: the first ones prepare. */
#define STEPS_AT_LEAST "20"
#define SETTINGS       READABLE("settings")

bool store_speed(Store *store, const SpeedQuery *q, SpeedRow *row, Error *err)
{
    static const char SQL[] =
        "SELECT id, json_extract(" SETTINGS ", '$.image_size'), examples_per_second FROM jobs"
        " WHERE json_extract(" SETTINGS ", '$.network') = ?"
        " AND json_extract(" SETTINGS ", '$.precision') IN (?, ?)"
        " AND cpu_isa = ? AND threads = ?"
        " AND COALESCE(json_extract(" SETTINGS ", '$.ranks'), 1) = ?"
        " AND examples_per_second > 0 AND step >= " STEPS_AT_LEAST
        " ORDER BY json_extract(" SETTINGS ", '$.image_size') = ? DESC,"
        " json_extract(" SETTINGS ", '$.batch_size') = ? DESC, id DESC LIMIT 1";
    Db *db = &store->reader;
    sqlite3_stmt *stmt = NULL;
    bool found = false;
    *row = (SpeedRow){0};
    pthread_mutex_lock(&db->lock);
    const bool ok = sql_prepare(db, err, &stmt, SQL, "ttttiiii", q->network, q->precision,
                                q->or_precision, q->cpu_isa, (int64_t)q->threads, (int64_t)q->ranks,
                                (int64_t)q->image_size, (int64_t)q->batch_size)
                    && sql_step(db, err, stmt, &found);
    if (ok && found)
        *row = (SpeedRow){
            .job_id = sqlite3_column_int64(stmt, 0),
            .image_size = sqlite3_column_int(stmt, 1),
            .examples_per_second = sql_real(stmt, 2),
        };
    sqlite3_finalize(stmt);
    pthread_mutex_unlock(&db->lock);
    return ok;
}
