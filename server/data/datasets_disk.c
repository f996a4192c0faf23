/* server/data/datasets_disk.c -- whether the disk that the sets' folders are on is there. While it
 * is away nothing is written to where it is mounted, and its bytes are not known to the quota. */
#include <stdatomic.h>
#include <string.h>

#include "server/data/dataset_files.h"
#include "server/data/datasets_import.h"
#include "server/data/datasets_private.h"
#include "server/jobs/files/stock.h"
#include "server/store/store_datasets.h"

bool datasets_note_disk(Datasets *sets, Error *err)
{
    int64_t count = 0, bytes;
    if (!store_dataset_totals(sets->store, &count, &bytes, err))
        return false;
    sets->uncounted = count > 0 && dataset_files_none(sets->data);
    return true;
}

static void count_folder(void *context, int64_t id)
{
    const Datasets *sets = context;
    quota_add(sets->quota, dataset_files_bytes(sets->data, id));
}

/* An upload that is not among the others any more has become the set's own source. */
static bool has_own_source(const Datasets *sets, const DatasetRow *set)
{
    UploadInfo info;
    Error gone = {0};
    return strcmp(set->source.kind, "upload") == 0
           && !uploads_get(sets->uploads, set->source.what, &info, &gone);
}

bool datasets_may_write(Datasets *sets, const DatasetRow *set, Error *err)
{
    if (!stock_is_there(sets->store, sets->data, STOCK_DATASETS, err))
        return false;
    if (set && has_own_source(sets, set) && dataset_files_none(sets->data))
        return fail(err, ERR_IO,
                    "there is no %s, nor any other data set's folder: is a disk not mounted?",
                    dataset_folder_path(sets->data, set->id).text);
    if (atomic_exchange(&sets->uncounted, false))
        dataset_files_each(sets->data, sets->log, count_folder, sets);
    return true;
}
