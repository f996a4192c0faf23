/* List the data sets, and whether their files are available. */
#include <stdlib.h>

#include "server/api/api.h"
#include "server/api/json_job.h"
#include "server/api/json_network.h"
#include "server/data/dataset_folder.h"

static cJSON *dataset_to_json(const App *app, const DatasetInfo *set)
{
    char *folder = dataset_folder(app->datasets, set);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "id", set->name);
    cJSON_AddStringToObject(json, "object", "dataset");
    cJSON_AddStringToObject(json, "title", set->title);
    cJSON_AddItemToObject(json, "shape", shape_to_json(set->image));
    cJSON_AddNumberToObject(json, "classes", set->classes);
    cJSON_AddItemToObject(json, "class_names",
                          cJSON_CreateStringArray(set->class_names, set->classes));
    cJSON_AddNumberToObject(json, "train_count", set->train_count);
    cJSON_AddNumberToObject(json, "test_count", set->test_count);
    cJSON_AddStringToObject(json, "folder", folder);
    Error missing = {0};
    const bool available = dataset_available(app->datasets, set, &missing);
    cJSON_AddBoolToObject(json, "available", available);
    cJSON_AddItemToObject(json, "unavailable_reason",
                          available ? cJSON_CreateNull() : cJSON_CreateString(missing.message));
    free(folder);
    return json;
}

bool list_datasets(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    size_t count;
    const DatasetInfo *sets = dataset_table(&count);
    (void)err;
    query_finish(req->query, &faults);
    if (faults.count)
        return respond_faults(res, &faults);
    cJSON *data = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(data, dataset_to_json(app, &sets[i]));
    cJSON *last = count ? cJSON_CreateString(sets[count - 1].name) : NULL;
    return respond_json(res, 200, list_to_json(data, false, last));
}
