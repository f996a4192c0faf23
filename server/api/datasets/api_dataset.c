/* Look at one data set, rename it, cancel its import, delete it. */
#include "server/api/datasets/api_dataset.h"

#include <stdlib.h>

#include "server/api/api_common.h"
#include "server/api/datasets/json_dataset.h"
#include "server/api/labels.h"
#include "server/base/ids.h"
#include "server/data/dataset_files.h"
#include "server/data/dataset_folder.h"
#include "server/data/dataset_report.h"

bool request_dataset(App *app, const Request *req, DatasetRow *set, Error *err)
{
    return datasets_find(app->sets, req->params[0], set, err);
}

bool respond_dataset(Response *res, int status, DatasetRow *set)
{
    cJSON *json = dataset_to_json(set);
    dataset_row_free(set);
    return respond_json(res, status, json);
}

static bool respond_known(const App *app, const DatasetInfo *known, Response *res)
{
    Error missing = {0};
    char *folder = dataset_folder(app->datasets, known);
    const bool there = dataset_available(app->datasets, known, &missing);
    cJSON *json = known_dataset_to_json(known, folder, there ? NULL : missing.message);
    free(folder);
    return respond_json(res, 200, json);
}

bool get_dataset(App *app, const Request *req, Response *res, Error *err)
{
    DatasetRow set;
    if (request_has_faults(req, res))
        return true;
    const DatasetInfo *known = dataset_find(req->params[0]);
    if (known)
        return respond_known(app, known, res);
    return request_dataset(app, req, &set, err) && respond_dataset(res, 200, &set);
}

bool dataset_refuse_known(const Request *req, Error *err)
{
    return !dataset_find(req->params[0])
           || fail_as(err, ERR_CONFLICT, "dataset_is_known",
                      "%s came with the machine and cannot be changed here", req->params[0]);
}

static bool allow_change(void *context, const DatasetRow *set, Error *err)
{
    const Request *req = context;
    return !request_is_conditional(req)
           || request_conditions_hold(req, dataset_to_json(set), "data set", err);
}

/* If-Match and If-None-Match of a request that ends a set. */
static DatasetGuard guard_of(const Request *req)
{
    return (DatasetGuard){allow_change, (void *)req};
}

typedef struct {
    const Request *req;
    const cJSON *patch;
    Faults *faults;
} LabelChange;

static bool apply_patch(void *context, DatasetRow *set, Error *err)
{
    const LabelChange *change = context;
    if (!allow_change((void *)change->req, set, err))
        return false;
    cJSON *after = labels_patched(set->name, set->metadata, change->patch, change->faults);
    const bool ok = dataset_labels_from_json(after, set, change->faults);
    cJSON_Delete(after);
    return ok || fail(err, ERR_INVALID, "the patch has faults");
}

/* The id of the set that the path names, which can be changed: it is no known one. A damaged set,
 * which cannot be shown, is named by its id. */
static bool request_own(App *app, const Request *req, int64_t *id, Error *err)
{
    DatasetRow set;
    if (!dataset_refuse_known(req, err))
        return false;
    if (request_dataset(app, req, &set, err)) {
        *id = set.id;
        dataset_row_free(&set);
        return true;
    }
    if (!row_is_damaged(err) || !dataset_id_parse(req->params[0], id))
        return false;
    *err = (Error){0};
    return true;
}

bool patch_dataset(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    DatasetRow set;
    int64_t id;
    query_finish(req->query, &faults);
    if (!request_own(app, req, &id, err))
        return false;
    cJSON *patch = labels_patch(req->json, &faults);
    LabelChange change = {req, patch, &faults};
    const bool ok = datasets_edit(app->sets, id, apply_patch, &change, &set, err);
    cJSON_Delete(patch);
    if (!ok && (faults.count == 0 || err->code == ERR_NOT_FOUND))
        return false;
    if (faults.count)
        return respond_faults(res, &faults);
    return respond_dataset(res, 200, &set);
}

bool cancel_dataset(App *app, const Request *req, Response *res, Error *err)
{
    DatasetRow set;
    int64_t id;
    if (request_has_input(req, res))
        return true;
    if (!request_own(app, req, &id, err))
        return false;
    const DatasetGuard guard = guard_of(req);
    return datasets_cancel(app->sets, id, &guard, &set, err) && respond_dataset(res, 200, &set);
}

bool delete_dataset(App *app, const Request *req, Response *res, Error *err)
{
    int64_t id;
    if (request_has_faults(req, res))
        return true;
    if (!request_own(app, req, &id, err))
        return false;
    const DatasetGuard guard = guard_of(req);
    if (!datasets_delete(app->sets, id, &guard, err))
        return false;
    char text[ID_TEXT];
    dataset_id_format(id, text);
    open_sets_forget(app->open_sets, text);
    return respond_empty(res, 204);
}

/* ---- The report ---- */

bool get_dataset_report(App *app, const Request *req, Response *res, Error *err)
{
    DatasetRow set;
    if (request_has_faults(req, res))
        return true;
    if (dataset_find(req->params[0]))
        return fail_as(err, ERR_NOT_FOUND, "report_not_found",
                       "%s was not imported and has no report", req->params[0]);
    if (!request_dataset(app, req, &set, err))
        return false;
    int fd;
    size_t size;
    const bool ok = dataset_report_open(app->data, set.id, &fd, &size, err);
    if (!ok && err->code == ERR_NOT_FOUND)
        fail_as(err, ERR_NOT_FOUND, "report_not_found", "%s has no report: it is %s", set.name,
                DATASET_STATUS_NAMES[set.status]);
    else if (!ok)
        fail_in(err, "%s", set.name);
    dataset_row_free(&set);
    if (!ok)
        return false;
    res->status = 200;
    res->type = "application/json";
    res->fd = fd;
    res->size = size;
    return true;
}
