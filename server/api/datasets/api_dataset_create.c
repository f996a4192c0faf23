/* Create a data set from a folder of the operator's, from an upload, or to wait for its content. */
#include <string.h>

#include "server/api/api_common.h"
#include "server/api/datasets/api_dataset.h"
#include "server/api/datasets/json_dataset.h"
#include "server/base/ids.h"

static void fault_upload(const DatasetRow *set, Faults *faults)
{
    faults_add(faults, "/source/upload", "must be the id of an upload, there is no %.100s",
               set->source.what);
}

static void check_source(const App *app, const DatasetRow *set, Faults *faults)
{
    Error err = {0};
    Path path;
    if (strcmp(set->source.kind, "folder") == 0
        && !datasets_source(app->sets, set->source.what, &path, &err))
        faults_add(faults, "/source/folder", "%s", err.message);
    UploadInfo upload;
    if (strcmp(set->source.kind, "upload") != 0)
        return;
    if (!uploads_get(app->uploads, set->source.what, &upload, &err))
        fault_upload(set, faults);
    else if (upload.offset != upload.length)
        faults_add(faults, "/source/upload", "is not whole: %lld of %lld bytes have come",
                   (long long)upload.offset, (long long)upload.length);
}

/* 201 and the set, which is freed. */
static bool respond_created(Response *res, DatasetRow *set, bool replayed)
{
    char id[ID_TEXT];
    dataset_id_format(set->id, id);
    response_header(res, "Location", "/v1/datasets/%s", id);
    respond_replayed(res, replayed);
    return respond_dataset(res, 201, set);
}

static bool create(App *app, const Request *req, RequestKey key, Faults *faults, Response *res,
                   Error *err)
{
    DatasetRow set;
    bool replayed;
    if (!datasets_replay(app->sets, key, &set, &replayed, err))
        return false;
    if (!replayed) {
        dataset_from_json(req->json, &set, faults);
        check_source(app, &set, faults);
        if (faults->count)
            return respond_faults(res, faults);
        if (!datasets_create(app->sets, key, &set, &replayed, err)) {
            // The upload went to another set after it was looked at: the same answer as before.
            if (!err->reason || strcmp(err->reason, "upload_not_found") != 0)
                return false;
            fault_upload(&set, faults);
            return respond_faults(res, faults);
        }
    }
    return respond_created(res, &set, replayed);
}

bool create_dataset(App *app, const Request *req, Response *res, Error *err)
{
    return create_by_key(app, req, create, res, err);
}
