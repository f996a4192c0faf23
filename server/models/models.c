/* DESIGN. The store is the truth: every call reads it, and every change is one transaction that
 * reads the model, alters it and tells an event (model_tx.c). Nothing is kept in memory.
 *
 * A file comes before its row and goes after it: a row always has its file, unless somebody else
 * has deleted it. A removal is remembered in the store until the file is gone.
 */
#include "server/models/models.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/files/file_read.h"
#include "core/base/memory.h"
#include "server/base/ids.h"
#include "server/models/model_files.h"
#include "server/models/models_private.h"
#include "server/store/store_models.h"

bool models_open(const ModelsConfig *config, Models **out, Error *err)
{
    Models *models = xcalloc(1, sizeof *models);
    models->data = xstrdup(config->data);
    models->max_versions = config->max_versions;
    models->jobs = config->jobs;
    models->store = jobs_store(config->jobs);
    models->log = config->log;
    *out = NULL;
    if (!models_recover(models, err)) {
        models_close(models);
        return false;
    }
    *out = models;
    return true;
}

void models_close(Models *models)
{
    if (!models)
        return;
    free(models->data);
    free(models);
}

/* ---- Look ---- */

void model_version_free(ModelVersion *version)
{
    for (int i = 0; version->class_names && i < version->row.classes; i++)
        free((void *)version->class_names[i]);
    free((void *)version->class_names);
    version->class_names = NULL;
    version_row_free(&version->row);
}

void image_spec_to_text(const ImageSpec *spec, char text[IMAGE_SPEC_TEXT])
{
    snprintf(text, IMAGE_SPEC_TEXT,
             "{\"channels\":%d,\"size\":%d,\"fit\":\"%s\",\"filter\":\"%s\"}", spec->channels,
             spec->size, fit_name(spec->fit), filter_name(spec->filter));
}

static bool image_spec_from_text(const char *text, ImageSpec *spec)
{
    cJSON *json = cJSON_Parse(text);
    const cJSON *channels = cJSON_GetObjectItemCaseSensitive(json, "channels");
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(json, "size");
    const cJSON *fit = cJSON_GetObjectItemCaseSensitive(json, "fit");
    const cJSON *filter = cJSON_GetObjectItemCaseSensitive(json, "filter");
    ImageSpec read = {.channels = cJSON_IsNumber(channels) ? channels->valueint : 0,
                      .size = cJSON_IsNumber(size) ? size->valueint : 0};
    const bool ok = cJSON_IsString(fit) && fit_from_name(fit->valuestring, &read.fit)
                    && cJSON_IsString(filter) && filter_from_name(filter->valuestring, &read.filter)
                    && image_spec_check(&read, NULL);
    if (ok)
        *spec = read;
    cJSON_Delete(json);
    return ok;
}

static bool take_class_names(ModelVersion *version)
{
    cJSON *json = cJSON_Parse(version->row.class_names);
    bool ok = cJSON_IsNull(json)
              || (cJSON_IsArray(json) && cJSON_GetArraySize(json) == version->row.classes);
    if (ok && cJSON_IsArray(json)) {
        const char **names = xcalloc((size_t)version->row.classes, sizeof *names);
        int i = 0;
        version->class_names = names;
        for (const cJSON *item = json->child; item; item = item->next) {
            ok = ok && cJSON_IsString(item);
            names[i++] = xstrdup(cJSON_IsString(item) ? item->valuestring : "");
        }
    }
    cJSON_Delete(json);
    return ok;
}

bool model_version_make(const Models *models, const char *name, VersionRow *row,
                        ModelVersion *version, Error *err)
{
    *version = (ModelVersion){.row = *row};
    *row = (VersionRow){0};
    row = &version->row;
    snprintf(version->name, sizeof version->name, "%s", name);
    version->path = model_version_path(models->data, row->model_id, row->version);
    // Where nothing is known of the pictures, they become what the network takes.
    version->image = image_spec_default();
    version->image.channels = row->channels;
    version->image.size = row->image_size;
    bool ok = take_class_names(version);
    if (row->normalization[0])
        ok = normalization_from_text(row->normalization, &version->normalization) && ok;
    if (strcmp(row->image, "null") != 0)
        ok = image_spec_from_text(row->image, &version->image) && ok;
    if (ok)
        return true;
    fail(err, ERR_DAMAGED, "the store's row of %s, version %lld, is damaged", name,
         (long long)row->version);
    model_version_free(version);
    return false;
}

/* What was asked for, and is not there. */
static bool fail_to_find(Models *models, const char *name, const char *alias, int64_t number,
                         Error *err)
{
    ModelRow model;
    if (!store_model_named(models->store, name, &model, err))
        return false;
    model_row_free(&model);
    if (number > 0)
        return fail_as(err, ERR_NOT_FOUND, "version_not_found", "the model %s has no version %lld",
                       name, (long long)number);
    if (alias)
        return fail_as(err, ERR_NOT_FOUND, "version_not_found", "the model %s has no alias %s",
                       name, alias);
    return fail_as(err, ERR_NOT_FOUND, "version_not_found", "the model %s has no versions", name);
}

/* "shirts@3" into its parts; `alias` "" where there is none. */
static bool take_apart(const char *reference, char name[MODEL_NAME], char alias[MODEL_ALIAS],
                       int64_t *number)
{
    const size_t n = strcspn(reference, "@");
    const char *rest = reference[n] ? reference + n + 1 : NULL;
    *number = 0;
    alias[0] = '\0';
    if (n >= MODEL_NAME)
        return false;
    memcpy(name, reference, n);
    name[n] = '\0';
    if (!model_name_valid(name) || !rest)
        return model_name_valid(name);
    if (model_alias_valid(rest)) {
        memcpy(alias, rest, strlen(rest) + 1);
        return true;
    }
    return model_version_parse(rest, number);
}

/* The last start did not find its file: it may be back, as that of a disk that was mounted late.
 * The next start records that. */
static void look_for_file(const Models *models, VersionRow *row)
{
    if (row->missing)
        row->missing =
            file_is_gone(model_version_path(models->data, row->model_id, row->version).text);
}

bool models_resolve(Models *models, const char *reference, ModelVersion *version, Error *err)
{
    char name[MODEL_NAME], alias[MODEL_ALIAS];
    int64_t number;
    VersionRow row;
    if (!take_apart(reference, name, alias, &number))
        return fail_as(err, ERR_NOT_FOUND, "model_not_found", "there is no model %.120s",
                       reference);
    const char *wanted = alias[0] ? alias : NULL;
    if (!store_resolve_version(models->store, name, wanted, number, &row, err))
        return false;
    if (row.id == 0)
        return fail_to_find(models, name, wanted, number, err);
    look_for_file(models, &row);
    if (!row.missing)
        return model_version_make(models, name, &row, version, err);
    fail_as(err, ERR_NOT_FOUND, "file_missing", "the file of %s, version %lld, is gone", name,
            (long long)row.version);
    version_row_free(&row);
    return false;
}

void model_detail_free(ModelDetail *model)
{
    model_row_free(&model->row);
    alias_list_free(&model->aliases);
    version_list_free(&model->versions);
}

bool models_detail(Models *models, ModelRow *row, ModelDetail *model, Error *err)
{
    *model = (ModelDetail){.row = *row};
    *row = (ModelRow){0};
    if (!store_aliases(models->store, model->row.id, &model->aliases, err)
        || !store_versions(models->store, model->row.id, &model->versions, err)) {
        model_detail_free(model);
        return false;
    }
    for (size_t i = 0; i < model->versions.count; i++)
        look_for_file(models, &model->versions.items[i]);
    return true;
}

bool models_get(Models *models, const char *name, ModelDetail *model, Error *err)
{
    ModelRow row;
    return store_model_named(models->store, name, &row, err)
           && models_detail(models, &row, model, err);
}

bool models_list(Models *models, const ModelQuery *query, ModelList *list, Error *err)
{
    return store_models(models->store, query, list, err);
}
