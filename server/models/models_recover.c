/* server/models/models_recover.c -- after a sudden death, or with a store from a backup: deletions
 * are finished, files that the store does not know are put aside, versions whose files are gone say
 * so. */
#include <stdlib.h>

#include "core/base/files/file_read.h"
#include "server/base/ids.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/files/lost_found.h"
#include "server/models/model_files.h"
#include "server/models/models_private.h"
#include "server/store/store_models.h"

/* Ids above all that were ever given, whatever backup the store is from. */
static bool raise_ids(Models *models, Error *err)
{
    if (!store_begin(models->store, err))
        return false;
    const int64_t found = lost_found_last(models->data, "models", model_id_parse);
    if (store_raise_model_ids(models->store, found, err))
        return store_commit(models->store, err);
    store_rollback(models->store);
    return false;
}

static void finish_removals(Models *models)
{
    ModelRemovalList list;
    if (!store_model_removals(models->store, &list, NULL))
        return;
    for (size_t i = 0; i < list.count; i++)
        models_finish_removal(models, &list.items[i]);
    model_removal_list_free(&list);
}

static bool has_row(void *context, int64_t id, int64_t version)
{
    Models *models = context;
    VersionRow row;
    Error err = {0};
    if (!store_version(models->store, id, version, &row, &err))
        return err.code != ERR_NOT_FOUND;  // nothing is moved because of a fault of the store
    version_row_free(&row);
    return true;
}

static bool save_missing(Models *models, VersionRow *row, bool missing, Error *err)
{
    if (!store_begin(models->store, err))
        return false;
    row->missing = missing;
    if (store_save_version(models->store, row, err))
        return store_commit(models->store, err);
    store_rollback(models->store);
    return false;
}

/* Which files are there: a change is written where there is room for it, and found again at the
 * next start where there is none. */
static bool note_missing(Models *models, Error *err)
{
    VersionList list;
    if (!store_all_versions(models->store, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        VersionRow *row = &list.items[i];
        Error later = {0};
        const Path path = model_version_path(models->data, row->model_id, row->version);
        const bool missing = file_is_gone(path.text);
        if (missing == (row->missing != 0))
            continue;
        LOG(models->log, LOG_WARNING, missing ? "model_file_missing" : "model_file_back",
            log_text("path", path.text));
        if (!save_missing(models, row, missing, &later))
            LOG(models->log, LOG_WARNING, "not_recorded", log_text("error", later.message));
    }
    version_list_free(&list);
    return true;
}

bool models_recover(Models *models, Error *err)
{
    if (!folder_make_own(data_path(models->data, "models").text, err) || !raise_ids(models, err))
        return false;
    finish_removals(models);  // before the folders are looked through: they have no rows any more
    model_files_settle(models->data, models->log, has_row, models);
    return note_missing(models, err);
}
