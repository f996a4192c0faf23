/* DESIGN: libmicrohttpd calls request_begin with the raw URI, then request_handle once with the
 * headers, then with each piece of the body, then once more at its end. Whatever can be refused by
 * the headers is decided at the first of these calls; the body is then read and dropped, up to a
 * bound, because a client that is still sending may never see an answer that comes earlier.
 */
#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/json_text.h"
#include "server/http/headers.h"
#include "server/http/http_glue.h"
#include "server/http/pages.h"

enum {
    URI_MAX = 2048,
    DROP_MAX = 8 << 20,      // of a refused body; after it the connection is closed
    BODIES_MAX = 128 << 20,  // of all requests being received
    REQUEST_ID = 65,         // bytes of a request's id, with the final NUL
};

typedef struct {
    char uri[URI_MAX];  // cut at the "?"
    const char *query;  // behind the "?", or NULL
    bool uri_too_long;
    bool seen;  // the first call has been
    RouteMatch match;
    char params[REQUEST_PARAMS][REQUEST_PARAM];
    Response res;  // with a status once it is decided
    char *body;
    size_t body_size, body_room;
    size_t dropped;
    char id[REQUEST_ID];
    char method[16];
    double began;
    int status;  // sent
} Exchange;

Connection *connection_state(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static const char *header_of(void *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

void *request_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
    Http *http = cls;
    Exchange *x = xcalloc(1, sizeof *x);
    const size_t length = strlen(uri);
    x->res = RESPONSE_EMPTY;
    x->began = clock_seconds();
    x->uri_too_long = length >= sizeof x->uri;
    memcpy(x->uri, uri, x->uri_too_long ? sizeof x->uri - 1 : length);
    char *mark = strchr(x->uri, '?');
    if (mark) {
        *mark = '\0';
        x->query = mark + 1;
    }
    Connection *state = connection_state(connection);
    if (state)
        watch_deadline(http->watch, state, http->config.request_seconds, false);
    return x;
}

/* The client's own id of the request, if it can stand in a header and a log; else one of ours. */
static void choose_id(struct MHD_Connection *connection, char id[REQUEST_ID])
{
    static const char SANE[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *given = header_of(connection, "X-Request-Id");
    const size_t length = given ? strlen(given) : 0;
    if (length > 0 && length < REQUEST_ID && strspn(given, SANE) == length) {
        memcpy(id, given, length + 1);
        return;
    }
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        number = (uint64_t)(clock_seconds() * 1e9);  // an old kernel early at its start
    snprintf(id, REQUEST_ID, "%016" PRIx64, number);
}

/* --- what the headers alone can decide --- */

/* A name that somebody else has pointed at our address is not ours: through it, a page of theirs
 * would be of the same origin as we are. */
static bool check_host(const Http *http, struct MHD_Connection *connection, Response *res)
{
    const char *host = header_of(connection, "Host");
    if (http->config.token || host_is_local_name(host))
        return true;
    return request_reject(res, 403, "foreign_host",
                          "without a token this daemon answers to localhost and numeric "
                          "addresses only, not to Host %.100s",
                          host);
}

/* A page of another site may link to our pages, but not steer us through its reader's browser, by a
 * form or an image, say: the browser names the page's origin. */
static bool check_origin(struct MHD_Connection *connection, Response *res)
{
    const char *host = header_of(connection, "Host"), *origin = header_of(connection, "Origin");
    const char *site = header_of(connection, "Sec-Fetch-Site");
    if ((!origin || origin_is_host(origin, host)) && (!site || strcmp(site, "cross-site") != 0))
        return true;
    return request_reject(res, 403, "foreign_origin",
                          "pages of other sites may not call this daemon");
}

static bool check_token(const Http *http, struct MHD_Connection *connection, Response *res)
{
    if (!http->config.token)
        return true;
    const char *given = bearer_token(header_of(connection, "Authorization"));
    if (given && secret_equal(given, http->config.token))
        return true;
    response_header(res, "WWW-Authenticate", "Bearer realm=\"googlenetd\"%s",
                    given ? ", error=\"invalid_token\"" : "");
    return request_reject(res, 401, NULL, "%s",
                          given ? "the bearer token is wrong" : "a bearer token is needed");
}

static bool answer_unrouted(const Http *http, Exchange *x, const char *method)
{
    const bool page = pages_has(http->pages, x->uri),
               get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (page && get)
        return true;  // answered at the end
    char allow[96] = "GET, HEAD, OPTIONS";
    if (x->match.path_known)
        router_allow(http->config.routes, http->config.route_count, x->uri, allow, sizeof allow);
    else if (!page)
        return request_reject(&x->res, 404, NULL, "there is nothing at %.200s", x->uri);
    response_header(&x->res, "Allow", "%s", allow);
    if (strcmp(method, "OPTIONS") == 0) {
        respond_empty(&x->res, 204);
        return false;
    }
    return request_reject(&x->res, 405, NULL, "%.20s is not possible at %.200s, but %s", method,
                          x->uri, allow);
}

/* The Content-Length, -1 for a chunked body, 0 for none. */
static long long announced_length(struct MHD_Connection *connection)
{
    const char *length = header_of(connection, "Content-Length");
    if (header_of(connection, "Transfer-Encoding"))
        return -1;
    return length ? strtoll(length, NULL, 10) : 0;
}

static bool check_body(const Http *http, struct MHD_Connection *connection, Exchange *x)
{
    const long long length = announced_length(connection);
    const char *type = header_of(connection, "Content-Type");
    const Route *route = x->match.route;
    if (length > (long long)http->config.body_bytes)
        return request_reject(&x->res, 413, NULL, "a body may have %zu bytes, this one has %lld",
                              http->config.body_bytes, length);
    if (!route || route->body == BODY_NONE || (length == 0 && !type))
        return true;
    if (content_type_is(type, "application/json")
        || (strcmp(route->method, "PATCH") == 0
            && content_type_is(type, "application/merge-patch+json")))
        return true;
    response_header(&x->res, "Accept", "application/json");
    return request_reject(&x->res, 415, NULL, "the body must be application/json, not %.100s",
                          type ? type : "of no type");
}

static void decide_early(Http *http, struct MHD_Connection *connection, Exchange *x,
                         const char *method)
{
    if (x->uri_too_long) {
        respond_problem(&x->res, 414, NULL, "a URI may have %d bytes", URI_MAX - 1);
        return;
    }
    x->match =
        router_find(http->config.routes, http->config.route_count, method, x->uri, x->params);
    if (!check_host(http, connection, &x->res))
        return;
    const bool open =
        x->match.route ? x->match.route->access == OPEN : pages_has(http->pages, x->uri);
    if (!open && !check_origin(connection, &x->res))
        return;
    if (!open && strcmp(method, "OPTIONS") != 0 && !check_token(http, connection, &x->res))
        return;
    if (!x->match.route && !answer_unrouted(http, x, method))
        return;
    check_body(http, connection, x);
}

/* --- the body --- */

/* False if the connection must be closed. */
static bool take_body(Http *http, Exchange *x, const char *piece, size_t size)
{
    const size_t most = http->config.body_bytes;
    if (!x->res.status && x->body_size + size > most)
        respond_problem(&x->res, 413, NULL, "a body may have %zu bytes, this one has more", most);
    if (!x->res.status && x->body_size + size + 1 > x->body_room) {
        size_t room = x->body_room ? x->body_room : 4096;
        while (room < x->body_size + size + 1)
            room *= 2;
        const size_t more = room - x->body_room;
        if (atomic_fetch_add(&http->body_bytes, more) + more > BODIES_MAX) {
            atomic_fetch_sub(&http->body_bytes, more);
            respond_problem(&x->res, 503, "busy", "too many large requests at a time");
        } else {
            x->body = xrealloc(x->body, room, 1);
            x->body_room = room;
        }
    }
    if (x->res.status) {
        x->dropped += size;
        return x->dropped <= DROP_MAX;
    }
    memcpy(x->body + x->body_size, piece, size);
    x->body_size += size;
    x->body[x->body_size] = '\0';
    return true;
}

/* --- the answer --- */

static void call_handler(Http *http, struct MHD_Connection *connection, Exchange *x)
{
    Error err = {0};
    if (!x->match.route) {
        if (!pages_get(http->pages, x->uri, &x->res, &err))
            respond_error(&x->res, &err);
        return;
    }
    const Route *route = x->match.route;
    if (x->body_size > 0 && route->body == BODY_NONE) {
        respond_problem(&x->res, 400, NULL, "%s %s takes no body", route->method, route->pattern);
        return;
    }
    cJSON *json = NULL;
    if (x->body_size > 0 || route->body == BODY_JSON) {
        json = json_parse_text("body", x->body ? x->body : "", x->body_size, &err);
        if (!json) {
            respond_error(&x->res, &err);
            return;
        }
    }
    Query query;
    query_parse(x->query, &query);
    Request req = {
        .method = route->method,
        .path = x->uri,
        .query = &query,
        .json = json,
        .header = header_of,
        .header_context = connection,
    };
    memcpy(req.params, x->params, sizeof req.params);
    if (!route->handler(http->config.app, &req, &x->res, &err)) {
        response_free(&x->res);
        respond_error(&x->res, &err);
    }
    cJSON_Delete(json);
}

int request_handle(void *cls, struct MHD_Connection *connection, const char *url,
                   const char *method, const char *upload, size_t *upload_size, void **context)
{
    Http *http = cls;
    Exchange *x = *context;
    Connection *state = connection_state(connection);
    (void)url;
    if (!x || !state)
        return MHD_NO;
    if (!x->seen) {
        x->seen = true;
        snprintf(x->method, sizeof x->method, "%s", method);
        choose_id(connection, x->id);
        decide_early(http, connection, x, method);
        // Nobody will wait for so much: answer now, at the risk that it is not read.
        if (x->res.status && announced_length(connection) > DROP_MAX)
            return reply_send(http, connection, state, x->id, &x->res, &x->status, true);
        return MHD_YES;
    }
    if (*upload_size > 0) {
        const bool ok = take_body(http, x, upload, *upload_size);
        *upload_size = 0;
        return ok;
    }
    watch_deadline(http->watch, state, 0, true);
    if (!x->res.status)
        call_handler(http, connection, x);
    return reply_send(http, connection, state, x->id, &x->res, &x->status, false);
}

/* The exchange is over, or its connection has gone. */
void request_end(Http *http, struct MHD_Connection *connection, void *context)
{
    Exchange *x = context;
    Connection *state = connection_state(connection);
    if (!x)
        return;
    if (state)
        watch_deadline(http->watch, state, http->config.idle_seconds + http->config.request_seconds,
                       false);
    const int digit = x->status / 100;
    atomic_fetch_add(&http->config.counts->requests[digit > 0 && digit < 6 ? digit : 0], 1);
    if (log_wants(http->config.log, LOG_REQUEST))
        LOG(http->config.log, LOG_REQUEST, "request", log_text("request_id", x->id),
            log_text("method", x->method), log_text("path", x->uri), log_int("status", x->status),
            log_real("seconds", clock_seconds() - x->began),
            log_text("address", state ? state->address : ""));
    atomic_fetch_sub(&http->body_bytes, x->body_room);
    free(x->body);
    response_free(&x->res);
    free(x);
}
