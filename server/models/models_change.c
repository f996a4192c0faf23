/* server/models/models_change.c -- aliases and metadata; what goes. */
#include "server/models/models_change.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/jobs/files/stock.h"
#include "server/models/model_files.h"
#include "server/models/models_private.h"
#include "server/store/store_models.h"

/* The model as it is now, inside the change; nobody else writes meanwhile. */
static bool look(ModelTx *tx, ModelDetail *model, Error *err)
{
    ModelRow row = tx->row;
    row.metadata = xstrdup(row.metadata);
    row.damage = row.damage ? xstrdup(row.damage) : NULL;
    return models_detail(tx->models, &row, model, err);
}

static bool put_aliases(ModelTx *tx, const ModelDetail *model, const AliasList *aliases, Error *err)
{
    for (size_t i = 0; i < aliases->count; i++) {
        const AliasRow *alias = &aliases->items[i];
        size_t at = 0;
        while (at < model->versions.count && model->versions.items[at].version != alias->version)
            at++;
        if (alias->version > 0 && at == model->versions.count)
            return fail(err, ERR_INVALID, "the alias %s cannot point at version %lld: %s has none",
                        alias->alias, (long long)alias->version, model->row.name);
        if (!store_put_alias(tx->models->store, model->row.id, alias, err))
            return false;
    }
    return true;
}

static bool edit_once(Models *models, const char *name, ModelVisitor edit, void *context,
                      Error *err)
{
    ModelTx tx;
    ModelDetail model;
    ModelChange change = {0};
    if (!model_tx_begin_known(models, name, &tx, err))
        return false;
    if (!look(&tx, &model, err))
        return model_tx_drop(&tx, err);
    bool ok = edit(context, &model, &change, err);
    const bool changes = change.metadata || change.aliases.count > 0;
    if (ok && changes) {
        if (change.metadata) {
            free(tx.row.metadata);
            tx.row.metadata = xstrdup(change.metadata);
        }
        ok =
            put_aliases(&tx, &model, &change.aliases, err) && model_tx_tell(&tx, "updated", 0, err);
    }
    free(change.metadata);
    alias_list_free(&change.aliases);
    model_detail_free(&model);
    if (!ok)
        return model_tx_drop(&tx, err);
    if (changes)
        return model_tx_commit(&tx, err);
    model_tx_drop(&tx, NULL);
    return true;
}

bool models_edit(Models *models, const char *name, ModelVisitor edit, void *context,
                 ModelDetail *model, Error *err)
{
    return (edit_once(models, name, edit, context, err)
            || (jobs_make_room(models->jobs, err) && edit_once(models, name, edit, context, err)))
           && models_get(models, name, model, err);
}

static bool put_evaluation(ModelTx *tx, int64_t version, const char *json, Error *err)
{
    Store *store = tx->models->store;
    VersionRow row;
    if (!store_load_version(store, tx->row.id, version, &row, err))
        return false;
    free(row.evaluation);
    row.evaluation = xstrdup(json);
    const bool ok = store_save_version(store, &row, err)
                    && model_tx_tell(tx, "evaluated", version, err) && model_tx_save(tx, err);
    version_row_free(&row);
    return ok;
}

bool models_put_evaluation(Models *models, int64_t model_id, int64_t version, const char *json,
                           Error *err)
{
    ModelTx tx = {.models = models};
    if (!store_load_model(models->store, model_id, &tx.row, err))
        return false;
    const bool ok = put_evaluation(&tx, version, json, err);
    model_row_free(&tx.row);
    return ok;
}

/* ---- Deletion ---- */

void models_finish_removal(Models *models, const ModelRemoval *removal)
{
    Error err = {0};
    const Path folder = model_folder_path(models->data, removal->model_id);
    if (stock_may_be_away(models->data, STOCK_MODELS, folder.text))
        return;  // a start that finds them removes them
    bool ok = removal->version > 0 ? model_files_remove_version(models->data, removal->model_id,
                                                                removal->version, &err)
                                   : model_files_remove(models->data, removal->model_id, &err);
    ok = ok && store_begin(models->store, &err);
    if (ok) {
        ok = store_model_removed(models->store, removal, &err);
        if (!ok)
            store_rollback(models->store);
        else
            ok = store_commit(models->store, &err);
    }
    if (!ok)  // the next start tries again
        LOG(models->log, LOG_WARNING, "files_left", log_int("model", removal->model_id),
            log_text("error", err.message));
}

/* `allow` may look at the model, if there is one who wants to. */
static bool allowed(ModelTx *tx, ModelVisitor allow, void *context, Error *err)
{
    ModelDetail model;
    if (!allow)
        return true;
    if (!look(tx, &model, err))
        return false;
    const bool ok = allow(context, &model, NULL, err);
    model_detail_free(&model);
    return ok;
}

static bool is_unused(ModelTx *tx, int64_t version, Error *err)
{
    char alias[MODEL_ALIAS];
    if (!store_version_alias(tx->models->store, tx->row.id, version, alias, err))
        return false;
    return !alias[0]
           || fail_as(
               err, ERR_CONFLICT, "version_in_use",
               "cannot delete version %lld of %s: the alias %s points at it; move that first",
               (long long)version, tx->row.name, alias);
}

/* A deletion of a version, or where it is 0 of the model. *id is the model's. */
typedef struct {
    const char *name;
    int64_t version;
    ModelVisitor allow;
    void *context;
    int64_t id;
    Error away;  // why its files are out of reach, if they are
} Deletion;

static bool remove_rows(ModelTx *tx, const Deletion *d, Error *err)
{
    Store *store = tx->models->store;
    VersionRow version;
    if (d->version == 0) {
        tx->removed = true;
        return store_remove_model(store, tx->row.id, err) && model_tx_tell(tx, "deleted", 0, err);
    }
    if (!store_load_version(store, tx->row.id, d->version, &version, err))
        return false;
    version_row_free(&version);
    return is_unused(tx, d->version, err)
           && store_remove_version(store, tx->row.id, d->version, err)
           && model_tx_tell(tx, "version_deleted", d->version, err);
}

static bool delete_once(Models *models, Deletion *d, Error *err)
{
    ModelTx tx;
    int64_t oldest = 0;
    stock_is_there(models->store, models->data, STOCK_MODELS, &d->away);  // as long as its row is
    if (!model_tx_begin_known(models, d->name, &tx, err))
        return false;
    d->id = tx.row.id;
    if (!allowed(&tx, d->allow, d->context, err) || !remove_rows(&tx, d, err)
        || !store_prune_events(models->store, &oldest, err))
        return model_tx_drop(&tx, err);
    if (!model_tx_commit(&tx, err))
        return false;
    events_pruned(jobs_notifier(models->jobs), oldest);
    return true;
}

static bool delete_all(Models *models, Deletion d, Error *err)
{
    if (!delete_once(models, &d, err)
        && !(jobs_make_room(models->jobs, err) && delete_once(models, &d, err)))
        return false;
    if (d.away.code != ERR_NONE)
        LOG(models->log, LOG_WARNING, "files_away", log_int("model", d.id),
            log_text("error", d.away.message));
    models_finish_removal(models, &(ModelRemoval){d.id, d.version});
    jobs_rows_removed(models->jobs);
    return true;
}

bool models_delete_version(Models *models, const char *name, int64_t version, ModelVisitor allow,
                           void *context, Error *err)
{
    if (version < 1)
        return fail_as(err, ERR_NOT_FOUND, "version_not_found", "the model has no version %lld",
                       (long long)version);
    return delete_all(models, (Deletion){name, version, allow, context, 0, {0}}, err);
}

bool models_delete(Models *models, const char *name, ModelVisitor allow, void *context, Error *err)
{
    return delete_all(models, (Deletion){name, 0, allow, context, 0, {0}}, err);
}
