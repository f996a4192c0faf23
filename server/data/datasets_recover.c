/* server/data/datasets_recover.c -- after a sudden death, or with a store from a backup: imports
 * begin again, deletions are finished, sets whose files are gone say so until they are back, and
 * files that the store does not know are put aside.
 *
 * An import that takes the daemon down with it again and again is failed after three restarts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/data/dataset_files.h"
#include "server/data/datasets_import.h"
#include "server/data/datasets_private.h"
#include "server/jobs/events/high_water.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/files/lost_found.h"
#include "server/store/store_datasets.h"

enum { MAX_RESTARTS = 3 };

/* Ids above all that were ever given, whatever backup the store is from. */
static bool raise_ids(Datasets *sets, Error *err)
{
    const int64_t noted = high_water_read(sets->data).dataset;
    const int64_t found = lost_found_last(sets->data, "datasets", dataset_id_parse);
    if (!store_begin(sets->store, err))
        return false;
    if (store_raise_dataset_ids(sets->store, found > noted ? found : noted, err))
        return store_commit(sets->store, err);
    store_rollback(sets->store);
    return false;
}

static bool restart_import(SetChange *change, Error *err)
{
    DatasetRow *set = &change->set;
    if (set->started_at > 0)
        set->restart_count++;
    set->started_at = 0;
    if (set->restart_count <= MAX_RESTARTS)
        return true;
    char message[DATASET_TEXT];
    snprintf(message, sizeof message, "the daemon died %d times while it imported this set",
             set->restart_count);
    set_fail(set, "restarts", message);
    return set_change_tell(change, err);
}

/* Was the set ready when its pixels were not found? */
static bool lost_pixels(const DatasetRow *set)
{
    return set->status == DATASET_FAILED && strcmp(set->error.code, DATASET_FILES_MISSING) == 0;
}

bool set_is_away(const Datasets *sets, int64_t id)
{
    DatasetRow set;
    Error err = {0};
    if (!store_dataset(sets->store, id, &set, &err))
        return false;
    const bool gone =
        (set.status == DATASET_READY || lost_pixels(&set)) && set_pixels_gone(sets, &set);
    dataset_row_free(&set);
    return gone && dataset_files_none(sets->data);
}

/* Was it not found when the set was to be imported, and is there now? */
static bool source_is_back(const Datasets *sets, const DatasetRow *set)
{
    return set->status == DATASET_FAILED && strcmp(set->error.code, DATASET_SOURCE_MISSING) == 0
           && access(dataset_source_path(sets->data, set->id).text, F_OK) == 0;
}

static bool pixels_are_back(const Datasets *sets, const DatasetRow *set)
{
    return lost_pixels(set) && access(dataset_pixels_path(sets->data, set->id).text, F_OK) == 0;
}

/* The set is ready and its pixels are gone, or they or its source are back, as those of a disk that
 * was not mounted at the last start. Of what cannot be told, as for lack of a right, nothing
 * changes. */
static bool is_out_of_date(const Datasets *sets, const DatasetRow *set)
{
    if (set->status == DATASET_READY)
        return set_pixels_gone(sets, set);
    return pixels_are_back(sets, set) || source_is_back(sets, set);
}

static bool note_pixels(SetChange *change, Error *err)
{
    DatasetRow *set = &change->set;
    if (!is_out_of_date(change->sets, set))
        return true;
    if (set->status == DATASET_READY) {
        set_fail_missing(change->sets, set);
    } else {
        set->status = lost_pixels(set) ? DATASET_READY : DATASET_IMPORTING;
        set->finished_at = set->status == DATASET_READY ? set->finished_at : 0;
        set->error.code[0] = set->error.message[0] = '\0';
    }
    return set_change_tell(change, err);
}

static bool recover_once(Datasets *sets, int64_t id, Error *err)
{
    SetChange change;
    if (!set_change_begin(sets, id, &change, err))
        return false;
    const bool ok = change.set.status == DATASET_IMPORTING ? restart_import(&change, err)
                                                           : note_pixels(&change, err);
    return ok ? set_change_commit(&change, NULL, err) : set_change_drop(&change, err);
}

bool set_found_again(Datasets *sets, const DatasetRow *set)
{
    Error unimportant = {0};  // whoever asks next tries again
    return pixels_are_back(sets, set) && recover_once(sets, set->id, &unimportant);
}

/* Does the set, as it was found, need a change? */
static bool is_settled(Datasets *sets, const DatasetRow *set)
{
    if (set->status == DATASET_IMPORTING)
        return set->started_at == 0;
    return !is_out_of_date(sets, set);
}

static bool recover_rows(Datasets *sets, Error *err)
{
    DatasetQuery query = {.limit = 100,
                          .statuses =
                              1u << DATASET_IMPORTING | 1u << DATASET_READY | 1u << DATASET_FAILED};
    for (bool more = true; more;) {
        DatasetList list;
        if (!store_datasets(sets->store, &query, &list, err))
            return false;
        bool ok = true;
        for (size_t i = 0; ok && i < list.count; i++) {
            query.after = list.items[i].id;
            ok = is_settled(sets, &list.items[i]) || recover_once(sets, query.after, err)
                 || (jobs_make_room(sets->jobs, err) && recover_once(sets, query.after, err));
        }
        more = list.has_more;
        dataset_list_free(&list);
        if (!ok)
            return false;
    }
    return true;
}

static void finish_removals(Datasets *sets)
{
    IdList list;
    if (!store_dataset_removals(sets->store, &list, NULL))
        return;
    for (size_t i = 0; i < list.count; i++) {
        quota_add(sets->quota, dataset_files_bytes(sets->data, list.items[i]));
        datasets_remove_files(sets, list.items[i]);
    }
    id_list_free(&list);
}

/* Damaged ones are the operator's to look at, and missing ones may come back. */
static bool keeps_pixels(const DatasetRow *set)
{
    return set->status == DATASET_READY || lost_pixels(set)
           || strcmp(set->error.code, DATASET_DAMAGED) == 0;
}

/* What stands in the folder of a set, against what the store knows of it. */
static void settle_folder(void *context, int64_t id)
{
    Datasets *sets = context;
    DatasetRow set;
    Error err = {0};
    if (!store_dataset(sets->store, id, &set, &err)) {
        char name[ID_TEXT];
        dataset_id_format(id, name);
        if (err.code == ERR_NOT_FOUND)
            lost_found_take(sets->data, dataset_folder_path(sets->data, id).text, name, sets->log);
        return;
    }
    bool ok = true;
    if (set.status == DATASET_WAITING)
        ok = dataset_files_remove(sets->data, id, &err);
    else if (set.status == DATASET_IMPORTING)
        ok = dataset_files_remove_import(sets->data, id, &err);
    else
        ok = dataset_files_remove_source(sets->data, id, &err)
             && (keeps_pixels(&set) || dataset_files_remove_pixels(sets->data, id, &err));
    if (!ok)
        LOG(sets->log, LOG_WARNING, "files_left", log_int("dataset", id),
            log_text("error", err.message));
    quota_add(sets->quota, dataset_files_bytes(sets->data, id));
    dataset_row_free(&set);
}

bool datasets_recover(Datasets *sets, Error *err)
{
    if (!folder_make_own(data_path(sets->data, "datasets").text, err) || !raise_ids(sets, err)
        || !recover_rows(sets, err) || !datasets_note_disk(sets, err))
        return false;
    finish_removals(sets);  // before the folders are looked through: they have no rows any more
    dataset_files_each(sets->data, sets->log, settle_folder, sets);
    return true;
}
