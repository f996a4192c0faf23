#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/time.h"
#include "server/data/datasets_private.h"
#include "server/jobs/events/event_data.h"
#include "server/store/store_datasets.h"

bool set_change_begin_new(Datasets *sets, SetChange *change, Error *err)
{
    *change = (SetChange){.sets = sets};
    return jobs_begin(sets->jobs, err);
}

bool set_change_begin(Datasets *sets, int64_t id, SetChange *change, Error *err)
{
    if (!set_change_begin_new(sets, change, err))
        return false;
    if (!store_load_dataset(sets->store, id, &change->set, err))
        return set_change_drop(change, err);
    change->before = DATASET_STATUS_NAMES[change->set.status];
    return true;
}

static const char *status_now(const SetChange *change)
{
    return change->removed ? "deleted" : DATASET_STATUS_NAMES[change->set.status];
}

bool set_change_tell(SetChange *change, Error *err)
{
    Event event = {.time = time_now_ms(),
                   .type = "dataset",
                   .data = event_dataset(&change->set, status_now(change), change->before)};
    const bool ok = store_tell_dataset(change->sets->store, change->set.id, &event, err);
    change->last_event = event.id;
    free(event.data);
    return ok;
}

static void log_status(const SetChange *change)
{
    const DatasetRow *set = &change->set;
    const char *now = status_now(change);
    if (change->before && strcmp(change->before, now) == 0)
        return;
    LOG(change->sets->log, LOG_INFO, "dataset_status", log_int("dataset", set->id),
        log_text("name", set->name), log_text("status", now), log_text("previous", change->before),
        log_text("error", set->error.message));
}

bool set_change_commit(SetChange *change, DatasetRow *set, Error *err)
{
    Datasets *sets = change->sets;
    if (!change->removed && !store_save_dataset(sets->store, &change->set, err))
        return set_change_drop(change, err);
    if (!jobs_commit(sets->jobs, err)) {
        dataset_row_free(&change->set);
        return false;
    }
    log_status(change);
    if (!change->removed && change->set.status == DATASET_IMPORTING)
        work_signal_wake(&sets->slot.signal);
    if (change->last_event > 0)
        events_publish(jobs_notifier(sets->jobs), change->last_event);
    if (set) {
        *set = change->set;
        datasets_overlay(sets, set);
    } else {
        dataset_row_free(&change->set);
    }
    return true;
}

bool set_change_drop(SetChange *change, const Error *err)
{
    jobs_rollback(change->sets->jobs, err);
    dataset_row_free(&change->set);
    return false;
}

void set_fail(DatasetRow *set, const char *code, const char *message)
{
    set->status = DATASET_FAILED;
    set->finished_at = time_now_ms();
    snprintf(set->error.code, sizeof set->error.code, "%s", code);
    snprintf(set->error.message, sizeof set->error.message, "%s", message);
}
