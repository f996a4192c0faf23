/* The folders and archives that the operator laid out for imports. */
#include "server/api/api_common.h"
#include "server/api/jobs/json_job.h"

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
    if (request_has_faults(req, res))
        return true;
    if (!datasets_sources(app->sets, &sources, err))
        return false;
    cJSON *data = cJSON_CreateArray();
    for (size_t i = 0; i < sources.count; i++)
        cJSON_AddItemToArray(data, source_to_json(&sources.items[i]));
    cJSON *last = sources.count ? cJSON_CreateString(sources.items[sources.count - 1].name) : NULL;
    dataset_sources_free(&sources);
    return respond_json(res, 200, list_to_json(data, false, last));
}
