/* The folders and archives that the operator laid out for imports. */
#include "server/api/api_common.h"

static cJSON *source_to_json(const DatasetSource *source)
{
    const bool folder = source->bytes < 0;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "object", "import_source");
    cJSON_AddStringToObject(json, "folder", source->name);
    cJSON_AddStringToObject(json, "kind", folder ? "folder" : "archive");
    cJSON_AddItemToObject(json, "bytes",
                          folder ? cJSON_CreateNull() : cJSON_CreateNumber((double)source->bytes));
    return json;
}

bool list_imports(App *app, const Request *req, Response *res, Error *err)
{
    DatasetSources sources;
    if (!datasets_sources(app->sets, &sources, err))
        return false;
    cJSON *all = cJSON_CreateArray();
    for (size_t i = 0; i < sources.count; i++)
        cJSON_AddItemToArray(all, source_to_json(&sources.items[i]));
    dataset_sources_free(&sources);
    return respond_whole_list(req, all, "folder", res);
}
