/* DESIGN: libmicrohttpd calls receive_begin with the raw URI, then receive_part once with the
 * headers, then with each piece of the body, then once more at its end, and again when a suspended
 * connection was resumed. Whatever can be refused by the headers is decided at the first of these
 * calls; the body is then read and dropped, up to a bound, because a client that is still sending
 * may never see an answer that comes earlier.
 */
#include "server/http/exchange/receive.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/http/exchange/admission.h"
#include "server/http/exchange/handler.h"
#include "server/http/exchange/reply.h"
#include "server/http/exchange/server.h"
#include "server/http/exchange/sink_body.h"
#include "server/http/message/framing.h"
#include "server/http/pages.h"

enum {
    BODIES_MAX = 128 << 20,  // of all requests being received
    SMALL_BODY = 64 << 10,   // has room whatever the others hold: there are not so many connections
};

/* ---- The request line ---- */

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

void *receive_begin(void *cls, const char *uri, struct MHD_Connection *connection)
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

/* ---- The headers ---- */

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

/* The headers are there. */
static bool receive_headers(Exchange *x, RequestPart part)
{
    x->seen = true;
    snprintf(x->method, sizeof x->method, "%s", part.method);
    MHD_get_connection_values_n(x->connection->mhd, MHD_HEADER_KIND, add_header, &x->headers);
    choose_id(x);
    bool close = !admission_decide(x, part);
    if (!close && x->match.route && x->match.route->body == BODY_STREAM)
        return sink_body_open(x);
    // Nobody will wait for so much: answer now, at the risk that it is not read. Who waits for a
    // word before sending shall have it.
    close = close
            || (x->res.status
                && (framing_body_length(&x->headers) > DROP_MAX
                    || framing_expects_continue(&x->headers)));
    return !close || reply_send(x, true);
}

/* ---- The body ---- */

/* Room for `more` bytes and a final NUL; false, with an answer, if all requests hold too much. */
static bool make_room(Exchange *x, size_t more)
{
    if (x->body_size + more + 1 <= x->body_room)
        return true;
    size_t room = x->body_room ? x->body_room : 4096;
    while (room < x->body_size + more + 1)
        room *= 2;
    const size_t added = room - x->body_room;
    const size_t held = atomic_fetch_add(&x->http->body_bytes, added) + added;
    if (held > BODIES_MAX && room > SMALL_BODY) {
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
    const size_t most = admission_body_most(x);
    if (!x->res.status && admission_takes_body(x) && x->body_size + size > most)
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

/* ---- The answer ---- */

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

bool receive_part(Exchange *x, RequestPart part)
{
    if (!x->connection)
        return false;
    if (!x->seen)
        return receive_headers(x, part);
    if (x->sink)
        return sink_body_receive(x, part);
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
void receive_end(Exchange *x)
{
    Http *http = x->http;
    if (x->sink)
        sink_body_end(x);
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
