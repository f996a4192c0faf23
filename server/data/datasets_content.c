/* server/data/datasets_content.c -- where the pictures of a set come from: an upload becomes its
 * own source, for a set that waits for content at once, for others when the import asks for it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/data/dataset_files.h"
#include "server/data/datasets_import.h"
#include "server/data/datasets_private.h"
#include "server/store/store_datasets.h"

bool datasets_check_waiting(const DatasetRow *set, Error *err)
{
    return set->status == DATASET_WAITING
           || fail_as(err, ERR_CONFLICT, "dataset_not_waiting",
                      "%s does not wait for content, it is %s: create another data set for it",
                      set->name, DATASET_STATUS_NAMES[set->status]);
}

/* The upload becomes the source of the set, which has a folder for it from now on. */
static bool take_upload(Datasets *sets, int64_t id, const char *upload, Error *err)
{
    UploadInfo info;
    return datasets_may_write(sets, NULL, err) && dataset_folder_make(sets->data, id, err)
           && uploads_take(sets->uploads, upload, dataset_source_path(sets->data, id).text, &info,
                           err)
           && folder_sync(dataset_folder_path(sets->data, id).text, err);
}

/* Nobody cancelled or deleted it meanwhile: then its folder is gone, and must not come back. */
static bool check_importing(Datasets *sets, int64_t id, Error *err)
{
    DatasetRow set;
    if (!store_dataset(sets->store, id, &set, err))
        return false;
    const bool ok =
        set.status == DATASET_IMPORTING
        || fail(err, ERR_CONFLICT, "%s is %s", set.name, DATASET_STATUS_NAMES[set.status]);
    dataset_row_free(&set);
    return ok;
}

static bool fetch_upload(Datasets *sets, const DatasetRow *set, const char *source, Error *err)
{
    // After a sudden death it may have been taken already.
    if (access(source, F_OK) == 0)
        return true;
    if (strcmp(set->source.kind, "upload") == 0)
        return check_importing(sets, set->id, err)
               && take_upload(sets, set->id, set->source.what, err);
    return fail(err, ERR_NOT_FOUND, "%s is gone", source);
}

bool datasets_fetch(Datasets *sets, const DatasetRow *set, Path *source, Error *err)
{
    if (strcmp(set->source.kind, "folder") == 0)
        return datasets_source(sets, set->source.what, source, err);
    *source = dataset_source_path(sets->data, set->id);
    // The request that created the set and the thread that imports may be here at the same time.
    pthread_mutex_lock(&sets->fetching);
    const bool ok = fetch_upload(sets, set, source->text, err);
    pthread_mutex_unlock(&sets->fetching);
    return ok;
}

bool datasets_content(Datasets *sets, int64_t id, const char *upload, DatasetRow *set, Error *err)
{
    SetChange change;
    if (!jobs_admits(sets->jobs, err) || !set_change_begin(sets, id, &change, err))
        return false;
    if (!datasets_check_waiting(&change.set, err))
        return set_change_drop(&change, err);
    // With the store's lock held: of two that bring content only one gets here.
    if (!take_upload(sets, id, upload, err))
        return set_change_drop(&change, err);
    snprintf(change.set.source.kind, sizeof change.set.source.kind, "content");
    change.set.status = DATASET_IMPORTING;
    const bool told = set_change_tell(&change, err);
    if (!told)
        set_change_drop(&change, err);
    if (told && set_change_commit(&change, set, err))
        return true;
    datasets_drop_files(sets, id, dataset_files_remove, NULL);
    return false;
}
