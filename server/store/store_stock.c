#include "server/store/store_stock.h"

#include "server/store/store_sql.h"

/* A set that was ready, or is to be imported from what came for it alone. One that is to be
 * imported from an upload may have no file yet. */
static const char *const QUESTIONS[] = {
    [STOCK_JOBS] = "SELECT EXISTS (SELECT 1 FROM checkpoints)",
    [STOCK_DATASETS] = "SELECT EXISTS (SELECT 1 FROM datasets WHERE status = 'ready'"
                       " OR status = 'failed' AND error_code IN ('damaged', 'files_missing')"
                       " OR status = 'importing' AND source_kind = 'content')",
    [STOCK_MODELS] = "SELECT EXISTS (SELECT 1 FROM model_versions)",
};

bool store_has_files(Store *store, Stock stock, bool *has, Error *err)
{
    int64_t number = 0;
    pthread_mutex_lock(&store->reader.lock);
    const bool ok = sql_number(&store->reader, err, &number, QUESTIONS[stock], "");
    pthread_mutex_unlock(&store->reader.lock);
    *has = number != 0;
    return ok;
}
