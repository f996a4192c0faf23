/* server/http/request.h -- one HTTP request as a handler sees it. */
#pragma once
#include <stddef.h>

#include "server/http/query.h"

enum {
    REQUEST_PARAMS = 2,  // ":name" segments in one route
    REQUEST_PARAM = 64,  // bytes of the value of one, with the final NUL
};

typedef struct {
    const char *method;                          // "GET" for HEAD too
    const char *path;                            // as the client wrote it, without the query
    char params[REQUEST_PARAMS][REQUEST_PARAM];  // decoded, in the order of the route's ":name"s
    Query *query;
    const cJSON *json;  // the body; NULL if there is none
    // The value of a header, NULL if it was not sent.
    const char *(*header)(void *context, const char *name);
    void *header_context;
} Request;

static inline const char *request_header(const Request *req, const char *name)
{
    return req->header ? req->header(req->header_context, name) : NULL;
}
