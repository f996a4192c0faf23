/* List the data sets: those that people brought, newest first, then the known ones. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/api/api_common.h"
#include "server/api/datasets/json_dataset.h"
#include "server/base/ids.h"
#include "server/data/dataset_folder.h"

enum {
    LIST_DEFAULT = 20,
    LIST_MOST = 1000,
};

/* The id after which the page begins: of a set of ours (`query->after`), or of a known one:
 * *known_after is its place from 1. */
static void read_after(Query *query, DatasetQuery *wanted, size_t *known_after, Faults *faults)
{
    const char *text = query_text(query, "after", faults);
    size_t count;
    const DatasetInfo *known = dataset_table(&count);
    if (!text || dataset_id_parse(text, &wanted->after))
        return;
    for (size_t i = 0; i < count && *known_after == 0; i++)
        if (strcmp(known[i].name, text) == 0)
            *known_after = i + 1;
    if (*known_after == 0)
        faults_add(faults, "?after", "must be a data set's id, got %.40s", text);
}

/* A data set that the program knows, if the filters let it pass; else NULL. */
static cJSON *known_if_wanted(const App *app, const DatasetInfo *set, const DatasetQuery *wanted)
{
    Error missing = {0};
    const bool there = dataset_available(app->datasets, set, &missing);
    const DatasetStatus status = there ? DATASET_READY : DATASET_FAILED;
    if ((wanted->statuses != 0 && !(wanted->statuses & 1u << status))
        || (wanted->name && !strcasestr(set->name, wanted->name)))
        return NULL;
    char *folder = dataset_folder(app->datasets, set);
    cJSON *json = known_dataset_to_json(set, folder, there ? NULL : missing.message);
    free(folder);
    return json;
}

/* Fill the page up; true if there are more. */
static bool add_known(const App *app, const DatasetQuery *wanted, size_t begin, int room,
                      cJSON *data, const char **last)
{
    size_t count;
    const DatasetInfo *known = dataset_table(&count);
    for (size_t i = begin; i < count; i++) {
        cJSON *json = known_if_wanted(app, &known[i], wanted);
        if (json && room-- == 0) {
            cJSON_Delete(json);
            return true;
        }
        if (json) {
            cJSON_AddItemToArray(data, json);
            *last = known[i].name;
        }
    }
    return false;
}

static bool respond_list(App *app, const DatasetQuery *wanted, size_t known_after, Response *res,
                         Error *err)
{
    DatasetList list = {0};
    char id[ID_TEXT];
    const char *last = NULL;
    if (known_after == 0 && !datasets_list(app->sets, wanted, &list, err))
        return false;
    cJSON *data = cJSON_CreateArray();
    for (size_t i = 0; i < list.count; i++)
        if (row_is_listed(app, list.items[i].damage))
            cJSON_AddItemToArray(data, dataset_to_json(&list.items[i]));
    if (list.count > 0) {
        dataset_id_format(list.items[list.count - 1].id, id);
        last = id;
    }
    const bool more =
        list.has_more
        || add_known(app, wanted, known_after, wanted->limit - (int)list.count, data, &last);
    dataset_list_free(&list);
    return respond_json(res, 200, list_to_json(data, more, last ? cJSON_CreateString(last) : NULL));
}

bool list_datasets(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    size_t known_after = 0;
    DatasetQuery wanted = {
        .limit = (int)query_integer(req->query, "limit", LIST_DEFAULT, 1, LIST_MOST, &faults),
        .statuses = query_statuses(req->query, DATASET_STATUS_NAMES, DATASET_STATUSES, &faults),
        .name = query_text(req->query, "name", &faults),
    };
    read_after(req->query, &wanted, &known_after, &faults);
    query_finish(req->query, &faults);
    if (faults.count)
        return respond_faults(res, &faults);
    return respond_list(app, &wanted, known_after, res, err);
}
