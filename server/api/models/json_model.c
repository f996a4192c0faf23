#include "server/api/models/json_model.h"

#include <string.h>

#include "server/base/ids.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"
#include "server/models/model_card.h"

static void add_stored(cJSON *to, const char *name, const char *json, bool may_be_damaged)
{
    cJSON_AddItemToObject(to, name, json_stored_item(json[0] ? json : "null", may_be_damaged));
}

static void add_source(cJSON *to, const VersionRow *version)
{
    char id[ID_TEXT];
    cJSON *source = cJSON_AddObjectToObject(to, "source");
    cJSON_AddStringToObject(source, "kind", version->source.kind);
    if (version->source.job_id == 0) {
        cJSON_AddNullToObject(source, "job");
        cJSON_AddNullToObject(source, "checkpoint");
        return;
    }
    job_id_format(version->source.job_id, id);
    cJSON_AddStringToObject(source, "job", id);
    checkpoint_id_format(version->source.step, id);
    cJSON_AddStringToObject(source, "checkpoint", id);
}

static void add_long_part(cJSON *json, const VersionRow *version)
{
    add_stored(json, "classes", version->class_names, version->damage);
    add_stored(json, "image", version->image, version->damage);
    add_stored(json, "normalization", version->normalization, true);
    add_stored(json, "settings", version->settings, version->damage);
    add_stored(json, "environment", version->environment, version->damage);
}

cJSON *version_to_json(const char *model, const VersionRow *version, const AliasList *aliases,
                       bool whole)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "object", "model_version");
    cJSON_AddStringToObject(json, "model", model);
    cJSON_AddNumberToObject(json, "version", (double)version->version);
    cJSON_AddStringToObject(json, "status", version->missing ? "missing" : "ready");
    cJSON *names = cJSON_AddArrayToObject(json, "aliases");
    for (size_t i = 0; i < aliases->count; i++)
        if (aliases->items[i].version == version->version)
            cJSON_AddItemToArray(names, cJSON_CreateString(aliases->items[i].alias));
    add_source(json, version);
    cJSON_AddStringToObject(json, "network", version->network);
    cJSON_AddNumberToObject(json, "channels", version->channels);
    cJSON_AddNumberToObject(json, "image_size", version->image_size);
    cJSON_AddNumberToObject(json, "class_count", version->classes);
    model_card_add_dataset(json, version);
    add_stored(json, "metrics", version->metrics, version->damage);
    add_stored(json, "evaluation", version->evaluation, version->damage);
    if (whole)
        add_long_part(json, version);
    cJSON_AddNumberToObject(json, "bytes", (double)version->bytes);
    cJSON_AddStringToObject(json, "sha256", version->sha256);
    json_add_time(json, "created_at", version->created_at);
    return json;
}

cJSON *model_to_json(const ModelDetail *model)
{
    char id[ID_TEXT];
    cJSON *json = cJSON_CreateObject();
    model_id_format(model->row.id, id);
    cJSON_AddStringToObject(json, "id", id);
    cJSON_AddStringToObject(json, "object", "model");
    cJSON_AddStringToObject(json, "name", model->row.name);
    add_stored(json, "metadata", model->row.metadata, model->row.damage);
    cJSON *aliases = cJSON_AddObjectToObject(json, "aliases");
    for (size_t i = 0; i < model->aliases.count; i++)
        cJSON_AddNumberToObject(aliases, model->aliases.items[i].alias,
                                (double)model->aliases.items[i].version);
    cJSON *versions = cJSON_AddArrayToObject(json, "versions");
    for (size_t i = 0; i < model->versions.count; i++)
        if (!model->versions.items[i].damage)
            cJSON_AddItemToArray(versions,
                                 version_to_json(model->row.name, &model->versions.items[i],
                                                 &model->aliases, false));
    json_add_time(json, "created_at", model->row.created_at);
    json_add_time(json, "updated_at", model->row.updated_at);
    return json;
}
