#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/http/etag.h"
#include "server/http/file_stream.h"
#include "server/http/http_glue.h"

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
        response = stream_response(x->http, x->connection, res->stream, MHD_SIZE_UNKNOWN);
        res->stream.next = NULL;
    } else if (res->fd >= 0) {
        // Not by sendfile, which would wait for the disk on the thread that serves the socket.
        const Stream stream = file_stream(res->fd, res->offset, res->size);
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
static void add_headers(struct MHD_Response *response, const Exchange *x)
{
    const Response *res = &x->res;
    bool policy = false, cache = false;
    if (res->type && res->status != 304)
        MHD_add_response_header(response, "Content-Type", res->type);
    for (int i = 0; i < res->header_count; i++) {
        const ResponseHeader *h = &res->headers[i];
        policy = policy || strcmp(h->name, "Content-Security-Policy") == 0;
        cache = cache || strcmp(h->name, "Cache-Control") == 0;
        MHD_add_response_header(response, h->name, h->value);
    }
    if (!policy)
        MHD_add_response_header(response, "Content-Security-Policy",
                                "default-src 'none'; frame-ancestors 'none'");
    if (!cache)
        MHD_add_response_header(response, "Cache-Control", res->tagged ? "no-cache" : "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    MHD_add_response_header(response, "Vary", "Accept, Authorization");
    MHD_add_response_header(response, "X-Request-Id", x->id);
}

bool reply_send(Exchange *x, bool close)
{
    Http *http = x->http;
    Response *res = &x->res;
    response_finish(res, x->id);
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
    add_headers(response, x);
    if (close)
        MHD_add_response_header(response, "Connection", "close");
    const bool ok =
        MHD_queue_response(x->connection->mhd, (unsigned)res->status, response) == MHD_YES;
    MHD_destroy_response(response);
    response_free(res);
    return ok;
}
