/* server/http/request.h -- one HTTP request as a handler sees it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "server/http/message/header_list.h"
#include "server/http/message/query.h"

enum {
    REQUEST_PARAMS = 2,   // ":name" segments in one route
    REQUEST_PARAM = 132,  // bytes of the value of one, with the final NUL: a name has up to 128
};

/* What the token that was sent allows. */
typedef enum {
    ACCESS_NONE,   // there is no token, or a wrong one, and one is needed
    ACCESS_READ,   // the token that may only read
    ACCESS_WRITE,  // the token
    ACCESS_OPEN,   // this daemon needs none
} Access;

typedef struct {
    const char *method;                          // "GET" for HEAD too
    bool head;                                   // it is HEAD: no body is sent
    const char *path;                            // as the client wrote it, without the query
    char params[REQUEST_PARAMS][REQUEST_PARAM];  // decoded, in the order of the route's ":name"s
    Query *query;
    const cJSON *json;  // the body; NULL if there is none
    const char *body;   // its bytes, with a NUL after them; "" if there is none
    size_t body_size;
    long long body_length;  // that a streamed one will have; -1: nobody knows
    const HeaderList *headers;
    Access access;
} Request;

/* The value of a header, NULL if it was not sent. */
static inline const char *request_header(const Request *req, const char *name)
{
    return req->headers ? header_list_get(req->headers, name) : NULL;
}
