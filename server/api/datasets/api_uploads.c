/* Files that clients send: the tus protocol, and what there is as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/memory.h"
#include "server/api/api_common.h"
#include "server/api/datasets/tus.h"
#include "server/api/datasets/upload_sink.h"
#include "server/base/json/json_fields.h"

/* ---- What there is ---- */

enum { RECEIVING, COMPLETE };
static const char *const STATUSES[] = {"receiving", "complete"};

static int upload_status(const UploadInfo *info)
{
    return info->offset == info->length ? COMPLETE : RECEIVING;
}

static cJSON *upload_to_json(const UploadInfo *info)
{
    char *name = tus_metadata_text(info->metadata, "filename");
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "id", info->id);
    cJSON_AddStringToObject(json, "object", "upload");
    cJSON_AddStringToObject(json, "status", STATUSES[upload_status(info)]);
    cJSON_AddItemToObject(json, "filename", name ? cJSON_CreateString(name) : cJSON_CreateNull());
    json_add_count(json, "length", info->length);
    json_add_count(json, "offset", info->offset);
    cJSON_AddItemToObject(json, "sha256",
                          info->sha256[0] ? cJSON_CreateString(info->sha256) : cJSON_CreateNull());
    json_add_time(json, "created_at", info->created_at);
    json_add_time(json, "expires_at", info->expires_at);
    free(name);
    return json;
}

bool list_uploads(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    UploadInfo *list;
    size_t count;
    (void)err;
    const unsigned statuses = query_statuses(req->query, STATUSES, COUNT(STATUSES), &faults);
    ListPage page = query_page(req->query, &faults);
    char after[UPLOAD_ID] = "";
    if (page.after && !upload_id_valid(page.after))
        faults_add(&faults, "?after", "must be an upload's id, got %.40s", page.after);
    else if (page.after)
        snprintf(after, sizeof after, "%s", page.after);
    // By id: the one that a page ended with may be gone when the next page is asked for.
    page.after = NULL;
    uploads_list(app->uploads, &list, &count);
    cJSON *all = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++) {
        const bool wanted = statuses == 0 || statuses & 1u << upload_status(&list[i]);
        if (wanted && strcmp(list[i].id, after) > 0)
            cJSON_AddItemToArray(all, upload_to_json(&list[i]));
    }
    free(list);
    return respond_page(req, all, "id", page, &faults, res);
}

/* For HEAD as well, which is how a client asks where to go on. */
bool get_upload(App *app, const Request *req, Response *res, Error *err)
{
    UploadInfo info;
    if (!tus_check_version(req, false, res) || request_has_faults(req, res))
        return true;
    if (!uploads_get(app->uploads, req->params[0], &info, err))
        return false;
    tus_add_headers(res, &info);
    response_header(res, "Cache-Control", "no-store");
    respond_json(res, 200, upload_to_json(&info));
    res->tagged = false;
    return true;
}

/* ---- Create ---- */

static bool answer_created(void *context, const UploadInfo *info, Response *res, Error *err)
{
    (void)context;
    (void)err;
    tus_add_headers(res, info);
    response_header(res, "Location", "/v1/uploads/%s", info->id);
    return respond_empty(res, 201);
}

static bool check_fits(const Request *req, int64_t room, Response *res)
{
    return req->body_length <= room
           || request_reject(res, 413, NULL,
                             "the body has %lld bytes, and the upload has room for %" PRId64,
                             req->body_length, room);
}

/* The key's request is the length and the metadata: the body is a beginning, of which the answer
 * tells how much there is. */
static bool create(App *app, const Request *req, RequestKey key, Faults *faults, Response *res,
                   Error *err)
{
    const bool body = req->body_length != 0;
    UploadRequest wanted = {.key = key.text};
    UploadInfo info;
    UploadWriter *writer;
    bool replayed;
    if (!tus_check_version(req, true, res))
        return true;
    if (faults->count)
        return respond_faults(res, faults);
    if ((body && !tus_check_type(req, res))
        || !tus_number(req, "Upload-Length", &wanted.length, res)
        || !tus_metadata(req, &wanted.metadata, res) || !check_fits(req, wanted.length, res))
        return true;
    if (!uploads_create(app->uploads, &wanted, &info, &replayed, err))
        return false;
    respond_replayed(res, replayed);
    if (!body || replayed)
        return answer_created(NULL, &info, res, err);
    if (upload_append(app->uploads, info.id, 0, &writer, err))
        return respond_upload(res, writer, answer_created, NULL, NULL);
    uploads_delete(app->uploads, info.id, NULL);
    return false;
}

bool create_upload(App *app, const Request *req, Response *res, Error *err)
{
    return create_by_key(app, req, create, res, err);
}

/* ---- Write ---- */

static bool answer_written(void *context, const UploadInfo *info, Response *res, Error *err)
{
    (void)context;
    (void)err;
    tus_add_headers(res, info);
    return respond_empty(res, 204);
}

bool patch_upload(App *app, const Request *req, Response *res, Error *err)
{
    const char *id = req->params[0];
    int64_t offset;
    UploadInfo info;
    UploadWriter *writer;
    if (!tus_check_version(req, true, res) || request_has_faults(req, res)
        || !tus_check_type(req, res) || !tus_number(req, "Upload-Offset", &offset, res))
        return true;
    if (!uploads_get(app->uploads, id, &info, err))
        return false;
    if (offset == info.offset && !check_fits(req, info.length - offset, res))
        return true;
    return upload_append(app->uploads, id, offset, &writer, err)
           && respond_upload(res, writer, answer_written, NULL, NULL);
}

bool delete_upload(App *app, const Request *req, Response *res, Error *err)
{
    if (!tus_check_version(req, false, res) || request_has_faults(req, res))
        return true;
    return uploads_delete(app->uploads, req->params[0], err) && respond_empty(res, 204);
}

/* For clients that can send no PATCH and no DELETE. */
bool post_upload(App *app, const Request *req, Response *res, Error *err)
{
    const char *method = request_header(req, "X-HTTP-Method-Override");
    if (method && strcmp(method, "PATCH") == 0)
        return patch_upload(app, req, res, err);
    if (method && strcmp(method, "DELETE") == 0)
        return delete_upload(app, req, res, err);
    return respond_problem(res, 400, NULL,
                           "X-HTTP-Method-Override must be PATCH or DELETE, %s%.20s",
                           method ? "got " : "and is not there", method ? method : "");
}
