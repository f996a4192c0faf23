/* server/api/file_answer.h -- an unchanging file as an answer: whole, in part, or not again. */
#pragma once
#include "server/http/message/response.h"
#include "server/http/request.h"

typedef struct {
    int fd;              // taken
    const char *label;   // for messages: "checkpoint step_3"
    const char *name;    // that a client may save it under
    int64_t bytes;       // that it must have
    const char *sha256;  // of the whole, in hexadecimal: its tag; may be ""
} FileAnswer;

/* Answers Range, If-Range, If-Match and If-None-Match. ERR_IO: it has another length. */
bool respond_file(const Request *req, const FileAnswer *file, Response *res, Error *err);
