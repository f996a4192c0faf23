/* DESIGN. As with the jobs, the store is the truth: every call reads it, and every change is one
 * transaction that reads the set, alters it and tells an event (dataset_change.c). The progress of
 * the one import that runs is kept beside it in memory and merged into the answers.
 *
 * Rows come before files where a set begins, and go before them where it ends: whatever has no row
 * is nobody's. A removal is remembered in the store until the files are gone.
 */
#include "server/data/datasets.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/data/datasets_import.h"
#include "server/data/datasets_private.h"
#include "server/store/store_datasets.h"

/* ---- Open and close ---- */

static bool find_for_spec(void *context, const char *id_or_name, SpecSet *set, Error *err)
{
    Datasets *sets = context;
    DatasetRow row;
    if (!datasets_find(sets, id_or_name, &row, err))
        return false;
    *set = (SpecSet){
        .known = true,
        .mapped = true,
        .id = row.id,
        .image = {row.image.channels, row.image.size, row.image.size},
        .classes = (int)row.class_count,
        .train_count = (int)row.train_count,
        .test_count = (int)row.test_count,
    };
    memcpy(set->name, row.name, sizeof set->name);
    memcpy(set->digest, row.digest, sizeof set->digest);
    const bool ready = row.status == DATASET_READY
                       || fail(err, ERR_CONFLICT, "is not ready: %s is %s", row.name,
                               DATASET_STATUS_NAMES[row.status]);
    dataset_row_free(&row);
    return ready;
}

static bool is_away(void *context, int64_t id)
{
    return set_is_away(context, id);
}

static void report_damage(void *context, int64_t id, const Error *why)
{
    datasets_damaged(context, id, why);
}

const SpecSets *datasets_for_specs(const Datasets *sets)
{
    return &sets->for_specs;
}

bool datasets_open(const DatasetsConfig *config, Datasets **out, Error *err)
{
    Datasets *sets = xcalloc(1, sizeof *sets);
    sets->data = xstrdup(config->data);
    sets->max_sets = config->max_sets;
    sets->jobs = config->jobs;
    sets->store = jobs_store(config->jobs);
    sets->uploads = config->uploads;
    sets->quota = config->quota;
    sets->log = config->log;
    sets->for_specs = (SpecSets){find_for_spec, is_away, report_damage, sets};
    pthread_mutex_init(&sets->fetching, NULL);
    work_slot_init(&sets->slot);
    *out = NULL;
    if (!datasets_note_imports(sets, config->imports, err) || !datasets_recover(sets, err)) {
        datasets_close(sets);
        return false;
    }
    *out = sets;
    return true;
}

void datasets_close(Datasets *sets)
{
    if (!sets)
        return;
    work_slot_destroy(&sets->slot);
    pthread_mutex_destroy(&sets->fetching);
    free(sets->imports);
    free(sets->data);
    free(sets);
}

/* ---- Look ---- */

void datasets_overlay(Datasets *sets, DatasetRow *set)
{
    if (set->status == DATASET_IMPORTING)
        work_slot_read(&sets->slot, set->id, &set->progress.done, &set->progress.total);
}

bool datasets_get(Datasets *sets, int64_t id, DatasetRow *set, Error *err)
{
    if (!store_dataset(sets->store, id, set, err))
        return false;
    datasets_overlay(sets, set);
    return true;
}

static bool find(Datasets *sets, const char *id_or_name, DatasetRow *set, Error *err)
{
    int64_t id;
    if (dataset_id_parse(id_or_name, &id))
        return datasets_get(sets, id, set, err);
    if (!store_dataset_named(sets->store, id_or_name, set, err))
        return false;
    datasets_overlay(sets, set);
    return true;
}

bool datasets_find(Datasets *sets, const char *id_or_name, DatasetRow *set, Error *err)
{
    if (!find(sets, id_or_name, set, err))
        return false;
    if (!set_found_again(sets, set))
        return true;
    dataset_row_free(set);
    return find(sets, id_or_name, set, err);
}

bool datasets_list(Datasets *sets, const DatasetQuery *query, DatasetList *list, Error *err)
{
    if (!store_datasets(sets->store, query, list, err))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        DatasetRow again;
        Error unimportant = {0};
        datasets_overlay(sets, &list->items[i]);
        if (set_found_again(sets, &list->items[i])
            && datasets_get(sets, list->items[i].id, &again, &unimportant)) {
            dataset_row_free(&list->items[i]);
            list->items[i] = again;
        }
    }
    return true;
}

/* ---- Create ---- */

static bool check_room(Datasets *sets, Error *err)
{
    int64_t count = 0, bytes = 0;
    if (work_signal_leaving(&sets->slot.signal))
        return fail(err, ERR_STOPPED, "the daemon is shutting down and takes no new data sets");
    if (!jobs_admits(sets->jobs, err) || !store_dataset_totals(sets->store, &count, &bytes, err))
        return false;
    return count < sets->max_sets
           || fail_as(err, ERR_CONFLICT, "store_full",
                      "limits.datasets allows %d stored data sets and no more: delete some first",
                      sets->max_sets);
}

bool datasets_replay(Datasets *sets, RequestKey key, DatasetRow *set, bool *replayed, Error *err)
{
    int64_t id;
    *replayed = false;
    if (!store_key(sets->store, KEY_OF_DATASET, key, &id, err))
        return false;
    return id == 0 || jobs_replay_found(datasets_get(sets, id, set, err), replayed, err);
}

static bool add(SetChange *change, RequestKey key, const DatasetRow *set, Error *err)
{
    Store *store = change->sets->store;
    DatasetRow *row = &change->set;
    *row = *set;
    row->classes = xstrdup("[]");
    row->warnings = xstrdup("[]");
    row->metadata = xstrdup("{}");
    row->created_at = time_now_ms();
    row->status = row->source.kind[0] ? DATASET_IMPORTING : DATASET_WAITING;
    return store_add_dataset(store, row, err)
           && store_add_key(store, KEY_OF_DATASET, key, row->id, err)
           && set_change_tell(change, err);
}

/* Since the request was looked at, another set may have got its upload. With the store's lock held:
 * of two that ask for one upload only one gets by. */
static bool check_upload(Datasets *sets, const DatasetRow *set, Error *err)
{
    UploadInfo info;
    int64_t user;
    if (strcmp(set->source.kind, "upload") != 0)
        return true;
    if (!store_upload_user(sets->store, set->source.what, &user, err))
        return false;
    if (user > 0)
        return fail_as(err, ERR_NOT_FOUND, "upload_not_found",
                       "the upload %s has become the source of set_%lld", set->source.what,
                       (long long)user);
    return uploads_get(sets->uploads, set->source.what, &info, err);
}

/* What cannot be fetched now is tried again when its turn to be imported comes. */
static void fetch_early(Datasets *sets, const DatasetRow *set)
{
    Path source;
    Error later = {0};
    if (strcmp(set->source.kind, "upload") == 0 && !datasets_fetch(sets, set, &source, &later))
        LOG(sets->log, LOG_WARNING, "upload_not_fetched", log_int("dataset", set->id),
            log_text("error", later.message));
}

bool datasets_create(Datasets *sets, RequestKey key, DatasetRow *set, bool *replayed, Error *err)
{
    SetChange change;
    int64_t before;
    *replayed = false;
    if (!check_room(sets, err) || !set_change_begin_new(sets, &change, err))
        return false;
    if (!store_find_key(sets->store, KEY_OF_DATASET, key, &before, err))
        return set_change_drop(&change, err);
    if (before > 0) {  // the same request has come twice at once
        set_change_drop(&change, NULL);
        *replayed = true;
        return datasets_get(sets, before, set, err);
    }
    if (!check_upload(sets, set, err) || !add(&change, key, set, err))
        return set_change_drop(&change, err);
    if (!set_change_commit(&change, set, err))
        return false;
    jobs_dataset_created(sets->jobs, set->id);
    fetch_early(sets, set);
    return true;
}

/* ---- Change ---- */

bool datasets_edit(Datasets *sets, int64_t id, DatasetEditor edit, void *context, DatasetRow *set,
                   Error *err)
{
    SetChange change;
    if (!jobs_admits(sets->jobs, err) || !set_change_begin(sets, id, &change, err))
        return false;
    DatasetRow *row = &change.set;
    char name[DATASET_NAME], *metadata = xstrdup(row->metadata);
    memcpy(name, row->name, sizeof name);
    datasets_overlay(sets, row);
    const bool ok =
        edit(context, row, err) && store_dataset_name_free(sets->store, row->name, row->id, err);
    const bool same = strcmp(name, row->name) == 0 && strcmp(metadata, row->metadata) == 0;
    free(metadata);
    if (ok && same) {
        store_rollback(sets->store);
        *set = *row;
        return true;
    }
    if (!ok || !set_change_tell(&change, err))
        return set_change_drop(&change, err);
    return set_change_commit(&change, set, err);
}
