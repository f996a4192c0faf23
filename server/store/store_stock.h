/* server/store/store_stock.h -- what the rows say of files: whether there are to be any. */
#pragma once
#include "server/store/store.h"

/* The folders of the daemon's data that rows have files in. */
typedef enum {
    STOCK_JOBS,      // checkpoints
    STOCK_DATASETS,  // pixels, and archives that wait to be imported
    STOCK_MODELS,    // versions
} Stock;

/* Whether a row that has been committed has files in that folder. */
bool store_has_files(Store *store, Stock stock, bool *has, Error *err);
