/* server/store/store_models.h -- the rows of models, their versions and aliases. Errors as in
 * store.h. */
#pragma once
#include "server/store/store.h"

/* Within a transaction. ERR_CONFLICT: the name is taken. */
bool store_add_model(Store *store, ModelRow *model, Error *err);  // gives it its id
bool store_save_model(Store *store, const ModelRow *model, Error *err);
bool store_load_model(Store *store, int64_t id, ModelRow *model, Error *err);
/* `model->id` 0: there is none of that name. */
bool store_load_model_named(Store *store, const char *name, ModelRow *model, Error *err);
bool store_add_version(Store *store, VersionRow *version, Error *err);  // gives the row its id
bool store_save_version(Store *store, const VersionRow *version, Error *err);
bool store_load_version(Store *store, int64_t model_id, int64_t number, VersionRow *version,
                        Error *err);
/* Version 0: remove the alias. */
bool store_put_alias(Store *store, int64_t model_id, const AliasRow *alias, Error *err);
/* An alias of the version; "": there is none. */
bool store_version_alias(Store *store, int64_t model_id, int64_t number, char alias[MODEL_ALIAS],
                         Error *err);
bool store_tell_model(Store *store, int64_t id, Event *event, Error *err);
/* The rows; the files are to be removed from then on. */
bool store_remove_version(Store *store, int64_t model_id, int64_t number, Error *err);
bool store_remove_model(Store *store, int64_t id, Error *err);
bool store_model_removed(Store *store, const ModelRemoval *removal, Error *err);
bool store_raise_model_ids(Store *store, int64_t last, Error *err);
/* Of that row. */
bool store_load_version_row(Store *store, int64_t row, VersionRow *version, Error *err);

/* Outside of one; they see what has been committed. */
bool store_model_named(Store *store, const char *name, ModelRow *model, Error *err);
bool store_models(Store *store, const ModelQuery *query, ModelList *list, Error *err);
/* One that a reference names, of one moment: version `number`, else where `alias` points, else
 * (number 0, alias NULL) where "production" does, else the newest; the alias "latest" is that too.
 * Row 0: there is none. */
bool store_resolve_version(Store *store, const char *model, const char *alias, int64_t number,
                           VersionRow *version, Error *err);
bool store_version(Store *store, int64_t model_id, int64_t number, VersionRow *version, Error *err);
bool store_versions(Store *store, int64_t model_id, VersionList *list, Error *err);  // newest first
bool store_all_versions(Store *store, VersionList *list, Error *err);  // of all models
/* Those that were made of a job's checkpoint. */
bool store_checkpoint_versions(Store *store, int64_t job_id, int64_t step, VersionList *list,
                               Error *err);
bool store_aliases(Store *store, int64_t model_id, AliasList *list, Error *err);  // by name
bool store_model_removals(Store *store, ModelRemovalList *list, Error *err);
bool store_version_count(Store *store, int64_t *count, Error *err);
