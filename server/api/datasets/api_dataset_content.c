/* PUT /v1/datasets/{id}/content: the archive of a set that waits for one. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/api/api_common.h"
#include "server/api/datasets/api_dataset.h"
#include "server/api/datasets/upload_sink.h"

typedef struct {
    App *app;
    int64_t id;  // of the set
} Content;

/* The body is whole and on disk. */
static bool begin_import(void *context, const UploadInfo *upload, Response *res, Error *err)
{
    const Content *content = context;
    DatasetRow set;
    if (datasets_content(content->app->sets, content->id, upload->id, &set, err))
        return respond_dataset(res, 202, &set);
    // Another client was quicker, or the set has gone: nobody would ask for this one.
    uploads_delete(content->app->uploads, upload->id, NULL);
    return false;
}

bool put_dataset_content(App *app, const Request *req, Response *res, Error *err)
{
    DatasetRow set;
    UploadWriter *writer;
    if (request_has_faults(req, res))
        return true;
    if (!dataset_refuse_known(req, err) || !request_dataset(app, req, &set, err))
        return false;
    const int64_t id = set.id;
    const bool waits = datasets_check_waiting(&set, err);
    dataset_row_free(&set);
    if (!waits)
        return false;
    if (req->body_length == 0)
        return respond_problem(res, 400, NULL,
                               "the body is empty: it must be a zip, tar or tar.gz archive");
    if (!upload_start(app->uploads, req->body_length, &writer, err))
        return false;
    Content *content = xcalloc(1, sizeof *content);
    *content = (Content){app, id};
    return respond_upload(res, writer, begin_import, content, free);
}
