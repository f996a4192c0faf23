/* server/api/datasets/tus.h -- the headers of the protocol for resumable uploads.
 *
 * Source   tus resumable upload protocol 1.0.0, https://tus.io/protocols/resumable-upload
 */
#pragma once
#include "server/data/uploads/upload.h"
#include "server/http/message/response.h"
#include "server/http/request.h"

#define TUS_VERSION    "1.0.0"
#define TUS_EXTENSIONS "creation,creation-with-upload,expiration,termination"
#define TUS_BODY       "application/offset+octet-stream"

/* Tus-Resumable must be ours, and may be absent where it is not `needed`; else 412 is answered. */
bool tus_check_version(const Request *req, bool needed, Response *res);

/* The body must be of the type that pieces of files have; else 415 is answered. */
bool tus_check_type(const Request *req, Response *res);

/* A number in a header, which must be there; else 400 is answered. */
bool tus_number(const Request *req, const char *name, int64_t *value, Response *res);

/* Upload-Metadata, "" if it is absent: keys with base64 values, separated by commas; else 400. */
bool tus_metadata(const Request *req, const char **metadata, Response *res);

/* The value of a key as text, from malloc; NULL if there is none, or if it is not UTF-8. */
char *tus_metadata_text(const char *metadata, const char *key);

/* Upload-Offset, Upload-Length, Upload-Metadata and Upload-Expires. */
void tus_add_headers(Response *res, const UploadInfo *info);
