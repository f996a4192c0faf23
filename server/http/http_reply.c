#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/http/file_stream.h"
#include "server/http/headers.h"
#include "server/http/http_glue.h"

// A reader of an answer must take at least this many bytes a second on the whole.
static const double SLOWEST_READER = 16 << 10;

/* A tag that changes when the bytes do: FNV-1a, 64 bits. */
static uint64_t hash_bytes(const char *text, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return hash;
}

/* Give the text its ETag, and turn it into a 304 if the client has it already. */
static void tag(const HeaderList *headers, Response *res)
{
    char etag[24];
    snprintf(etag, sizeof etag, "\"%016" PRIx64 "\"", hash_bytes(res->text, res->size));
    response_header(res, "ETag", "%s", etag);
    if (!etag_matches(header_list_get(headers, "If-None-Match"), etag))
        return;
    res->status = 304;
    res->size = 0;
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
    if (res->tagged && res->status == 200)
        tag(&x->headers, res);
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
