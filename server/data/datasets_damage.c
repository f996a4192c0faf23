/* server/data/datasets_damage.c -- sets whose files turn out to be damaged when they are used. */
#include <stdio.h>

#include "core/base/files/file_read.h"
#include "server/data/dataset_files.h"
#include "server/data/datasets_private.h"

bool set_pixels_gone(const Datasets *sets, const DatasetRow *set)
{
    return file_is_gone(dataset_pixels_path(sets->data, set->id).text);
}

void set_fail_missing(const Datasets *sets, DatasetRow *set)
{
    char message[DATASET_TEXT];
    snprintf(message, sizeof message, "its files are gone: there is no %.400s",
             dataset_pixels_path(sets->data, set->id).text);
    set_fail(set, DATASET_FILES_MISSING, message);
}

static bool fail_damaged(Datasets *sets, int64_t id, const Error *why, Error *err)
{
    SetChange change;
    char message[DATASET_TEXT];
    if (!set_change_begin(sets, id, &change, err))
        return err->code == ERR_NOT_FOUND;
    if (change.set.status != DATASET_READY) {
        store_rollback(sets->store);
        dataset_row_free(&change.set);
        return true;
    }
    snprintf(message, sizeof message, "its files are damaged: %.400s", why->message);
    if (set_pixels_gone(sets, &change.set))
        set_fail_missing(sets, &change.set);
    else
        set_fail(&change.set, DATASET_DAMAGED, message);
    return set_change_tell(&change, err) ? set_change_commit(&change, NULL, err)
                                         : set_change_drop(&change, err);
}

void datasets_damaged(Datasets *sets, int64_t id, const Error *why)
{
    Error err = {0};
    if (!fail_damaged(sets, id, why, &err)) {  // whoever uses it next finds it again
        LOG(sets->log, LOG_WARNING, "damage_not_recorded", log_int("dataset", id),
            log_text("error", err.message));
    }
}
