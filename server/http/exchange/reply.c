#include "server/http/exchange/reply.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "core/base/memory.h"
#include "server/http/exchange/server.h"
#include "server/http/exchange/stream.h"
#include "server/http/file_stream.h"
#include "server/http/message/etag.h"

/* Give the text its ETag. A reader who has it already gets a 304, one who wants another a 412; the
 * conditions of other methods were looked at before they changed anything. */
static void tag(Exchange *x)
{
    Response *res = &x->res;
    char etag[ETAG_TEXT];
    etag_make(res->text, res->size, etag);
    const bool reads = strcmp(x->method, "GET") == 0 || strcmp(x->method, "HEAD") == 0;
    const Condition condition =
        reads ? etag_condition(header_list_get(&x->headers, "If-Match"),
                               header_list_get(&x->headers, "If-None-Match"), etag, true)
              : CONDITION_HOLDS;
    if (condition == CONDITION_FAILED) {
        response_free(res);
        respond_problem(res, 412, NULL, "If-Match does not name %s, the tag that it has now", etag);
        response_finish(res, x->id);
        return;
    }
    response_header(res, "ETag", "%s", etag);
    if (condition == CONDITION_NOT_MODIFIED) {
        res->status = 304;
        res->size = 0;
    }
}

static struct MHD_Response *make(Exchange *x)
{
    Response *res = &x->res;
    struct MHD_Response *response;
    if (res->stream.next) {
        response = stream_response(x->http, x->connection, res->stream,
                                   res->size ? res->size : MHD_SIZE_UNKNOWN);
        res->stream.next = NULL;
    } else if (res->fd >= 0) {
        // Not by sendfile, which would wait for the disk on the thread that serves the socket.
        const BodyStream stream = file_stream(res->fd, res->offset, res->size);
        res->fd = -1;
        response = stream_response(x->http, x->connection, stream, res->size);
    } else {
        response = MHD_create_response_from_buffer(res->size, res->text, MHD_RESPMEM_MUST_FREE);
        if (response)
            res->text = NULL;
    }
    return response;
}

/* What every answer bears. */
static void add_headers(const Exchange *x, void *dst,
                        void (*add)(void *dst, const char *name, const char *value))
{
    const Response *res = &x->res;
    bool policy = false, cache = false;
    if (res->type && res->status != 304)
        add(dst, "Content-Type", res->type);
    for (int i = 0; i < res->header_count; i++) {
        const ResponseHeader *h = &res->headers[i];
        policy = policy || strcmp(h->name, "Content-Security-Policy") == 0;
        cache = cache || strcmp(h->name, "Cache-Control") == 0;
        add(dst, h->name, h->value);
    }
    if (!policy)
        add(dst, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    if (!cache)
        add(dst, "Cache-Control", res->tagged ? "no-cache" : "no-store");
    add(dst, "X-Content-Type-Options", "nosniff");
    add(dst, "Referrer-Policy", "no-referrer");
    add(dst, "Cross-Origin-Resource-Policy", "same-origin");
    add(dst, "Vary", "Accept, Authorization");
    add(dst, "X-Request-Id", x->id);
}

static void add_to_response(void *dst, const char *name, const char *value)
{
    MHD_add_response_header(dst, name, value);
}

static void finish(Exchange *x)
{
    const HttpService *service = &x->http->service;
    if (service->add_headers)
        service->add_headers(service->app, x->method, x->uri, &x->res);
    response_finish(&x->res, x->id);
}

bool reply_send(Exchange *x, bool close)
{
    Http *http = x->http;
    Response *res = &x->res;
    finish(x);
    if (res->tagged)
        tag(x);
    x->status = res->status;
    const double seconds = http->config.request_seconds + (double)res->size / SLOWEST_READER;
    connection_deadline(http, x->connection, seconds, true);
    struct MHD_Response *response = make(x);
    if (!response) {
        response_free(res);
        return false;
    }
    add_headers(x, response, add_to_response);
    if (close)
        MHD_add_response_header(response, "Connection", "close");
    const bool ok =
        MHD_queue_response(x->connection->mhd, (unsigned)res->status, response) == MHD_YES;
    MHD_destroy_response(response);
    response_free(res);
    return ok;
}

static void add_to_text(void *dst, const char *name, const char *value)
{
    fprintf(dst, "%s: %s\r\n", name, value);
}

/* The whole answer as it goes over the wire, from malloc; NULL: no memory. */
static char *write_reply(const Exchange *x, size_t *size)
{
    const Response *res = &x->res;
    char *text = NULL, date[40];
    const time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
    FILE *stream = open_memstream(&text, size);
    if (!stream)
        return NULL;
    fprintf(stream, "HTTP/1.1 %d %s\r\n", res->status,
            MHD_get_reason_phrase_for((unsigned)res->status));
    add_to_text(stream, "Date", date);
    add_to_text(stream, "Connection", "close");
    add_headers(x, stream, add_to_text);
    fprintf(stream, "Content-Length: %zu\r\n\r\n", res->size);
    fwrite(res->text, 1, res->text ? res->size : 0, stream);
    fclose(stream);
    return text;
}

void reply_send_early(Exchange *x)
{
    size_t size = 0;
    finish(x);
    x->status = x->res.status;
    char *text = write_reply(x, &size);
    // Nothing else was sent over this connection lately: what does not fit at once is lost.
    if (text && send(x->connection->fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        LOG(x->http->config.log, LOG_DEBUG, "early_answer_lost", log_text("path", x->uri));
    free(text);
    response_free(&x->res);
}
