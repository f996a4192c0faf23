#include "server/jobs/files/stock.h"

#include "core/base/files/file_read.h"
#include "server/base/ids.h"
#include "server/jobs/files/job_files.h"

static const struct {
    const char *folder, *what;
    IdParser parse;  // of what lies in it
} STOCKS[] = {
    [STOCK_JOBS] = {"jobs", "jobs", job_id_parse},
    [STOCK_DATASETS] = {"datasets", "data sets", dataset_id_parse},
    [STOCK_MODELS] = {"models", "models", model_id_parse},
};

static bool is_empty(const char *data, Stock stock)
{
    return folder_lacks(data_path(data, STOCKS[stock].folder).text, STOCKS[stock].parse);
}

bool stock_is_there(Store *store, const char *data, Stock stock, Error *err)
{
    bool has;
    if (!store_has_files(store, stock, &has, err))
        return false;
    return !has || !is_empty(data, stock)
           || fail(err, ERR_IO,
                   "%s has no folder of any of the %s that have files: is a disk not mounted? If "
                   "they were removed by hand, delete those %s as well",
                   data_path(data, STOCKS[stock].folder).text, STOCKS[stock].what,
                   STOCKS[stock].what);
}

bool stock_may_be_away(const char *data, Stock stock, const char *folder)
{
    return file_is_gone(folder) && is_empty(data, stock);
}
