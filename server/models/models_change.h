/* server/models/models_change.h -- aliases, metadata and cards of models; what goes. */
#pragma once
#include "server/models/models.h"

typedef struct {
    char *metadata;     // JSON object of strings, from malloc; NULL: as before
    AliasList aliases;  // to be put; those of version 0 are removed
} ModelChange;

/* Looks at a model inside the change that alters or deletes it, so that nothing comes between, and
 * says what is to change; `change` is NULL where it is to be deleted. False leaves everything as it
 * is; *err says why. */
typedef bool (*ModelVisitor)(void *context, const ModelDetail *model, ModelChange *change,
                             Error *err);

/* All of it or nothing. ERR_INVALID: an alias of a version that there is not. */
bool models_edit(Models *models, const char *name, ModelVisitor edit, void *context,
                 ModelDetail *model, Error *err);

/* The figures of an evaluation of the version, a JSON object that its card shows. Part of the
 * transaction that the caller has begun (jobs_begin), so that whoever sees the evaluation's end
 * sees them on the card. ERR_NOT_FOUND: there is no such version any more. */
bool models_put_evaluation(Models *models, int64_t model_id, int64_t version, const char *json,
                           Error *err);

/* With its file. ERR_CONFLICT (reason "version_in_use"): an alias points at it. `allow` may be
 * NULL. */
bool models_delete_version(Models *models, const char *name, int64_t version, ModelVisitor allow,
                           void *context, Error *err);
/* With all versions and aliases. */
bool models_delete(Models *models, const char *name, ModelVisitor allow, void *context, Error *err);
