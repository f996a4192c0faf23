/* DESIGN: libmicrohttpd calls request_begin with the raw URI, then request_handle once with the
 * headers, then with each piece of the body, then once more at its end, and again when a suspended
 * connection was resumed. Whatever can be refused by the headers is decided at the first of these
 * calls; the body is then read and dropped, up to a bound, because a client that is still sending
 * may never see an answer that comes earlier.
 */
#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/http/access.h"
#include "server/http/http_glue.h"
#include "server/http/message/framing.h"
#include "server/http/message/headers.h"
#include "server/http/pages.h"

enum {
    BODIES_MAX = 128 << 20,  // of all requests being received
};

/* --- the request line --- */

/* The path of "http://host/path", whose host goes into x->host; other targets as they are. */
static const char *strip_authority(Exchange *x, const char *target)
{
    size_t scheme = 0;
    if (strncasecmp(target, "http://", 7) == 0)
        scheme = 7;
    else if (strncasecmp(target, "https://", 8) == 0)
        scheme = 8;
    if (scheme == 0)
        return target;
    const size_t length = strcspn(target + scheme, "/?");
    snprintf(x->host, sizeof x->host, "%.*s", (int)length, target + scheme);
    const char *rest = target + scheme + length;
    return *rest == '/' ? rest : "/";
}

void *request_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
    Http *http = cls;
    Exchange *x = xcalloc(1, sizeof *x);
    atomic_init(&x->holders, 1);
    x->http = http;
    x->res = RESPONSE_EMPTY;
    x->began_at = clock_seconds();
    x->target_is_plain = framing_target_is_plain(uri);
    x->target_end = uri + strlen(uri);
    uri = strip_authority(x, uri);
    const size_t length = strlen(uri);
    x->uri_too_long = length >= sizeof x->uri;
    memcpy(x->uri, uri, x->uri_too_long ? sizeof x->uri - 1 : length);
    char *mark = strchr(x->uri, '?');
    if (mark) {
        *mark = '\0';
        x->query = mark + 1;
    }
    x->connection = connection_state(connection);
    if (x->connection)
        connection_deadline(http, x->connection, http->config.request_seconds, false);
    return x;
}

/* --- what the headers alone can decide --- */

static enum MHD_Result add_header(void *list, enum MHD_ValueKind kind, const char *name,
                                  size_t name_length, const char *value, size_t value_length)
{
    (void)kind;
    header_list_add(list, (Header){.name = name,
                                   .name_length = name_length,
                                   .value = value,
                                   .value_length = value_length});
    return MHD_YES;
}

/* The client's own id of the request, if it can stand in a header and a log; else one of ours. */
static void choose_id(Exchange *x)
{
    static const char SANE[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *given = header_list_get(&x->headers, "X-Request-Id");
    const size_t length = given ? strlen(given) : 0;
    if (length > 0 && length < REQUEST_ID && strspn(given, SANE) == length) {
        memcpy(x->id, given, length + 1);
        return;
    }
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        number = (uint64_t)(clock_seconds() * 1e9);  // an old kernel early at its start
    snprintf(x->id, sizeof x->id, "%016" PRIx64, number);
}

/* Every method and no path: what the server as a whole can do. */
static bool asks_about_server(const Exchange *x)
{
    return strcmp(x->uri, "*") == 0 && strcmp(x->method, "OPTIONS") == 0;
}

/* Nothing has two addresses here, but who wrote one slash too many shall see it. */
static bool refuse_path(Exchange *x)
{
    char plain[URI_MAX];
    char unused[REQUEST_PARAMS][REQUEST_PARAM];
    size_t n = 0;
    for (const char *at = x->uri; *at; at++)
        if (*at != '/' || n == 0 || plain[n - 1] != '/')
            plain[n++] = *at;
    if (n > 1 && plain[n - 1] == '/')
        n--;
    plain[n] = '\0';
    const HttpService *service = &x->http->service;
    const bool there =
        strcmp(plain, x->uri) != 0
        && router_find(service->routes, service->route_count, x->method, plain, unused).path_known;
    return request_reject(&x->res, 404, NULL, "there is nothing at %.200s%s%.200s", x->uri,
                          there ? ", but at " : "", there ? plain : "");
}

static bool answer_unrouted(Exchange *x)
{
    const Http *http = x->http;
    const HttpService *service = &http->service;
    const bool page = pages_has(http->pages, x->uri),
               get = strcmp(x->method, "GET") == 0 || strcmp(x->method, "HEAD") == 0;
    if (page && get)
        return true;  // answered at the end
    char allow[96] = "GET, HEAD, OPTIONS";
    if (asks_about_server(x))
        strcpy(allow, "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE");
    else if (x->match.path_known)
        router_allow(service->routes, service->route_count, x->uri, allow, sizeof allow);
    else if (!page)
        return refuse_path(x);
    response_header(&x->res, "Allow", "%s", allow);
    if (strcmp(x->method, "OPTIONS") == 0) {
        respond_empty(&x->res, 204);
        return false;
    }
    return request_reject(&x->res, 405, NULL, "%.20s is not possible at %.200s, but %s", x->method,
                          x->uri, allow);
}

/* The bytes that the body may have. */
static size_t body_most(const Exchange *x)
{
    const HttpConfig *config = &x->http->config;
    const Route *route = x->match.route;
    return route && route->body == BODY_BYTES ? config->predict_bytes : config->body_bytes;
}

/* Bodies are taken as they are: what gzip or a form is wrapped around would be read as if it were
 * the thing itself. */
static bool check_coding(Exchange *x)
{
    const char *coding = header_list_get(&x->headers, "Content-Encoding");
    const Route *route = x->match.route;
    if (route && route->body == BODY_STREAM
        && content_type_is(header_list_get(&x->headers, "Content-Type"), "multipart/form-data"))
        return request_reject(&x->res, 415, NULL,
                              "the body must be the file itself, as curl -T sends it, not a form");
    if (!coding || !*coding || strcasecmp(coding, "identity") == 0 || !route
        || route->body == BODY_NONE)
        return true;
    response_header(&x->res, "Accept-Encoding", "identity");
    return request_reject(&x->res, 415, NULL,
                          "the body must come as it is, not with Content-Encoding %.60s", coding);
}

static bool check_body(Exchange *x)
{
    const long long length = framing_body_length(&x->headers);
    const char *type = header_list_get(&x->headers, "Content-Type");
    const Route *route = x->match.route;
    if (route && route->body == BODY_STREAM)
        return true;  // its handler decides
    if (length > (long long)body_most(x))
        return request_reject(&x->res, 413, NULL, "a body may have %zu bytes, this one has %lld",
                              body_most(x), length);
    if (!route || route->body == BODY_NONE || route->body == BODY_BYTES || (length == 0 && !type))
        return true;
    if (content_type_is(type, "application/json")
        || (strcmp(route->method, "PATCH") == 0
            && content_type_is(type, "application/merge-patch+json")))
        return true;
    response_header(&x->res, "Accept", "application/json");
    return request_reject(&x->res, 415, NULL, "the body must be application/json, not %.100s",
                          type ? type : "of no type");
}

static bool check_access(Exchange *x)
{
    const HttpConfig *config = &x->http->config;
    const AccessRules rules = {config->token, config->read_token, config->hosts};
    const AccessRequest request = {
        .headers = &x->headers,
        .method = x->method,
        .host = *x->host ? x->host : header_list_get(&x->headers, "Host"),
        .look = x->match.route && x->match.route->access == LOOK,
        .open = asks_about_server(x)
                || (x->match.route ? x->match.route->access == OPEN
                                   : pages_has(x->http->pages, x->uri)),
    };
    x->access = access_of(&rules, &x->headers);
    return access_check(&rules, &request, &x->res);
}

/* libmicrohttpd 0.9 ends a target at a NUL in it; the version then does not stand right behind. */
static bool target_was_cut(const Exchange *x, const char *version)
{
    return *version && strncmp(MHD_get_version(), "0.9.", 4) == 0 && version != x->target_end + 1;
}

static bool check_framing(Exchange *x, const char *version)
{
    if (!x->target_is_plain || target_was_cut(x, version))
        return request_reject(&x->res, 400, "malformed_request",
                              "the target of a request must have no spaces or control characters");
    return framing_check(&x->headers, version, &x->res);
}

/* Fills x->res if the request is refused; *close if the connection cannot be used any more. */
static void decide_early(Exchange *x, const char *version, bool *close)
{
    const HttpService *service = &x->http->service;
    *close = !check_framing(x, version);
    if (*close)
        return;
    if (x->uri_too_long) {
        respond_problem(&x->res, 414, NULL, "a URI may have %d bytes", URI_MAX - 1);
        return;
    }
    if (header_list_size(&x->headers) > FIELDS_MAX) {
        respond_problem(&x->res, 431, NULL, "the headers may have %d bytes", FIELDS_MAX);
        return;
    }
    x->match = router_find(service->routes, service->route_count, x->method, x->uri, x->params);
    if (check_access(x) && (x->match.route || answer_unrouted(x)))
        (void)(check_coding(x) && check_body(x));
}

/* The headers are there. */
static bool receive_headers(Exchange *x, RequestPart part)
{
    bool close;
    x->seen = true;
    snprintf(x->method, sizeof x->method, "%s", part.method);
    MHD_get_connection_values_n(x->connection->mhd, MHD_HEADER_KIND, add_header, &x->headers);
    choose_id(x);
    decide_early(x, part.version, &close);
    if (!close && x->match.route && x->match.route->body == BODY_STREAM)
        return body_open(x);
    // Nobody will wait for so much: answer now, at the risk that it is not read. Who waits for a
    // word before sending shall have it.
    close = close
            || (x->res.status
                && (framing_body_length(&x->headers) > DROP_MAX
                    || framing_expects_continue(&x->headers)));
    return !close || reply_send(x, true);
}

/* --- the body --- */

/* Room for `more` bytes and a final NUL; false, with an answer, if all requests hold too much. */
static bool make_room(Exchange *x, size_t more)
{
    if (x->body_size + more + 1 <= x->body_room)
        return true;
    size_t room = x->body_room ? x->body_room : 4096;
    while (room < x->body_size + more + 1)
        room *= 2;
    const size_t added = room - x->body_room;
    if (atomic_fetch_add(&x->http->body_bytes, added) + added > BODIES_MAX) {
        atomic_fetch_sub(&x->http->body_bytes, added);
        return request_reject(&x->res, 503, "busy", "too many large requests at a time");
    }
    x->body = xrealloc(x->body, room, 1);
    x->body_room = room;
    return true;
}

/* False if the connection must be closed. */
static bool receive_body(Exchange *x, const char *piece, size_t size)
{
    const size_t most = body_most(x);
    if (!x->res.status && x->body_size + size > most)
        respond_problem(&x->res, 413, NULL, "a body may have %zu bytes, this one has more", most);
    if (x->res.status || !make_room(x, size)) {
        x->dropped += size;
        return x->dropped <= DROP_MAX;
    }
    memcpy(x->body + x->body_size, piece, size);
    x->body_size += size;
    x->body[x->body_size] = '\0';
    return true;
}

/* --- the answer --- */

/* The request is whole. False if its connection is suspended until a handler has answered. */
static bool find_answer(Exchange *x)
{
    Error err = {0};
    connection_deadline(x->http, x->connection, 0, true);
    if (x->res.status)
        return true;
    if (x->match.route)
        return handler_call(x);
    if (!pages_get(x->http->pages, x->uri, &x->res, &err))
        respond_error(&x->res, &err);
    return true;
}

bool request_handle(Exchange *x, RequestPart part)
{
    if (!x->connection)
        return false;
    if (!x->seen)
        return receive_headers(x, part);
    if (x->sink)
        return body_handle(x, part);
    if (*part.upload_size > 0) {
        const bool ok = receive_body(x, part.upload, *part.upload_size);
        *part.upload_size = 0;
        return ok;
    }
    if (x->phase != EXCHANGE_RECEIVING)
        handler_came_back(x);
    else if (!find_answer(x))
        return true;
    return reply_send(x, false);
}

/* The exchange is over, or its connection has gone. */
void request_end(Exchange *x)
{
    Http *http = x->http;
    if (x->sink)
        body_end(x);
    if (x->connection)
        connection_deadline(http, x->connection,
                            http->config.idle_seconds + http->config.request_seconds, false);
    const int digit = x->status / 100;
    atomic_fetch_add(&http->config.counts->requests[digit > 0 && digit < 6 ? digit : 0], 1);
    if (log_wants(http->config.log, LOG_REQUEST)) {
        log_request_id(x->id);
        LOG(http->config.log, LOG_REQUEST, "request", log_text("method", x->method),
            log_text("path", x->uri), log_int("status", x->status),
            log_real("seconds", clock_seconds() - x->began_at),
            log_text("address", x->connection ? x->connection->address : ""));
        log_request_id(NULL);
    }
    exchange_release(x);
}
