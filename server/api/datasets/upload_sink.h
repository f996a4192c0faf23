/* server/api/datasets/upload_sink.h -- the body of a request into an upload. */
#pragma once
#include "server/data/uploads/upload.h"
#include "server/http/message/response.h"

/* Called once the body is whole and on disk: answers, like a handler. On a handler thread. */
typedef bool (*UploadDone)(void *context, const UploadInfo *upload, Response *res, Error *err);

/* For a handler of a route with BODY_STREAM: let the body go to `writer`, which is taken. Where the
 * client goes away or the disk is full, `done` is not called; an upload that can be gone on with
 * keeps what came. `free_context` is called in any case; it may be NULL. Returns true. */
bool respond_upload(Response *res, UploadWriter *writer, UploadDone done, void *context,
                    void (*free_context)(void *context));
