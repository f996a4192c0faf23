#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/base/json/json_text.h"
#include "server/base/time.h"
#include "server/models/models_private.h"
#include "server/store/store_models.h"

bool model_tx_begin(Models *models, const char *name, ModelTx *tx, Error *err)
{
    *tx = (ModelTx){.models = models};
    if (!jobs_begin(models->jobs, err))
        return false;
    if (!store_load_model_named(models->store, name, &tx->row, err))
        return model_tx_drop(tx, err);
    if (tx->row.id == 0)
        snprintf(tx->row.name, sizeof tx->row.name, "%s", name);
    return true;
}

bool model_tx_begin_known(Models *models, const char *name, ModelTx *tx, Error *err)
{
    if (!model_tx_begin(models, name, tx, err))
        return false;
    if (tx->row.id > 0)
        return true;
    fail_as(err, ERR_NOT_FOUND, "model_not_found", "there is no model called %.100s", name);
    return model_tx_drop(tx, err);
}

bool model_tx_tell(ModelTx *tx, const char *action, int64_t version, Error *err)
{
    char id[ID_TEXT];
    cJSON *json = cJSON_CreateObject();
    model_id_format(tx->row.id, id);
    cJSON_AddStringToObject(json, "model_id", id);
    cJSON_AddStringToObject(json, "name", tx->row.name);
    cJSON_AddStringToObject(json, "action", action);
    if (version > 0)
        cJSON_AddNumberToObject(json, "version", (double)version);
    else
        cJSON_AddNullToObject(json, "version");
    Event event = {.time = time_now_ms(), .type = "model", .data = json_take_text(json)};
    const bool ok = store_tell_model(tx->models->store, tx->row.id, &event, err);
    tx->last_event = event.id;
    tx->action = action;
    tx->version = version;
    free(event.data);
    return ok;
}

bool model_tx_save(ModelTx *tx, Error *err)
{
    // A change is seen by its time: no two have the same.
    const int64_t now = time_now_ms();
    tx->row.updated_at = now > tx->row.updated_at ? now : tx->row.updated_at + 1;
    return store_save_model(tx->models->store, &tx->row, err);
}

bool model_tx_commit(ModelTx *tx, Error *err)
{
    Models *models = tx->models;
    if (!tx->removed && !model_tx_save(tx, err))
        return model_tx_drop(tx, err);
    if (!jobs_commit(models->jobs, err)) {
        model_row_free(&tx->row);
        return false;
    }
    if (tx->last_event > 0) {
        events_publish(jobs_notifier(models->jobs), tx->last_event);
        LOG(models->log, LOG_INFO, "model", log_text("name", tx->row.name),
            log_text("action", tx->action), log_int("version", tx->version));
    }
    model_row_free(&tx->row);
    return true;
}

bool model_tx_drop(ModelTx *tx, const Error *err)
{
    jobs_rollback(tx->models->jobs, err);
    model_row_free(&tx->row);
    return false;
}
