/* server/http/exchange/exchange.h -- a request and its answer. */
#pragma once
#include <stdatomic.h>

#include "server/http/exchange/connection.h"
#include "server/http/handler_pool.h"
#include "server/http/router.h"

enum {
    URI_MAX = 2048,
    FIELDS_MAX = 32 << 10,  // of header_list_size()
    REQUEST_ID = 65,        // bytes of a request's id, with the final NUL
    DROP_MAX = 8 << 20,     // of a refused body; after it the connection is closed
};

typedef enum {
    EXCHANGE_RECEIVING,
    EXCHANGE_WAITING,   // suspended; a handler has it
    EXCHANGE_ANSWERED,  // resumed with an answer
    EXCHANGE_GIVEN_UP,  // resumed without one
} ExchangePhase;

/* The connection and the handler hold it together: a handler that is too slow goes on with it when
 * the connection has been answered, or has gone. */
typedef struct Exchange {
    atomic_int holders;
    Http *http;
    Task task;
    // The request, which does not change once it is whole.
    char uri[URI_MAX];  // its path, cut at the "?"
    const char *query;  // behind the "?", or NULL
    char host[256];     // of a target that names one ("GET http://host/path"); else ""
    bool uri_too_long;
    bool target_is_plain;
    const char *target_end;  // in libmicrohttpd's buffer, which stays until the headers are there
    bool seen;               // the headers are there
    char id[REQUEST_ID];
    char method[16];
    HeaderList headers;
    RouteMatch match;
    Access access;
    char params[REQUEST_PARAMS][REQUEST_PARAM];
    char *body;
    size_t body_size, body_room;
    size_t dropped;         // bytes of a refused body
    struct SinkBody *sink;  // of a route with BODY_STREAM
    double began_at;
    // The answer.
    Connection *connection;
    Response res;  // with a status once it is decided
    int status;    // sent
    ExchangePhase phase;
    bool handler_began;
} Exchange;

/* A piece of the request's body, or its end. */
typedef struct {
    const char *method, *version, *upload;
    size_t *upload_size;
} RequestPart;

/* One holder less; the last one frees it. */
void exchange_release(Exchange *x);
