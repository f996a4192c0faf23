#include "server/api/file_answer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/base/text/base64.h"
#include "server/http/message/etag.h"
#include "server/http/message/headers.h"

static int hex_value(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* A SHA-256 from lower-case hexadecimal to base64; from malloc. */
static char *digest_base64(const char *hex)
{
    uint8_t bytes[32];
    for (size_t i = 0; i < COUNT(bytes); i++)
        bytes[i] = (uint8_t)(hex_value(hex[2 * i]) << 4 | hex_value(hex[2 * i + 1]));
    return base64_encode(bytes, sizeof bytes);
}

static void add_headers(const FileAnswer *file, const char *etag, Response *res)
{
    response_header(res, "Accept-Ranges", "bytes");
    response_header(res, "ETag", "%s", etag);
    response_header(res, "Cache-Control", "private, no-cache");
    response_header(res, "Content-Disposition", "attachment; filename=\"%s\"", file->name);
    if (strlen(file->sha256) == 64) {
        char *digest = digest_base64(file->sha256);
        response_header(res, "Repr-Digest", "sha-256=:%s:", digest);
        free(digest);
    }
}

/* Set status, offset and size: for the whole file, or for the requested range. */
static void choose_part(const Request *req, const char *etag, int64_t size, Response *res)
{
    int64_t first = 0, last = size - 1;
    const char *only_if = request_header(req, "If-Range");
    // If-Range compares strongly, and we have no dates: anything but our tag asks for the whole.
    // Range means nothing but to GET (RFC 9110, 14.2).
    const bool ranged = !req->head && (!only_if || strcmp(only_if, etag) == 0);
    const RangeKind kind =
        ranged ? range_parse(request_header(req, "Range"), size, &first, &last) : RANGE_NONE;
    res->status = kind == RANGE_PART ? 206 : kind == RANGE_UNSATISFIABLE ? 416 : 200;
    if (kind == RANGE_UNSATISFIABLE) {
        response_header(res, "Content-Range", "bytes */%lld", (long long)size);
        return;
    }
    if (kind == RANGE_PART)
        response_header(res, "Content-Range", "bytes %lld-%lld/%lld", (long long)first,
                        (long long)last, (long long)size);
    res->offset = first;
    res->size = (size_t)(last - first + 1);
}

bool respond_file(const Request *req, const FileAnswer *file, Response *res, Error *err)
{
    struct stat info;
    char etag[80];
    if (fstat(file->fd, &info) != 0 || info.st_size != file->bytes) {
        close(file->fd);
        return fail(err, ERR_IO, "the file of %s does not have the %lld bytes it had", file->label,
                    (long long)file->bytes);
    }
    snprintf(etag, sizeof etag, "\"%s\"", file->sha256);
    const Condition condition = etag_condition(request_header(req, "If-Match"),
                                               request_header(req, "If-None-Match"), etag, true);
    if (condition != CONDITION_HOLDS)
        close(file->fd);
    if (condition == CONDITION_FAILED)
        return respond_problem(res, 412, NULL, "If-Match does not name %s, the tag of the file",
                               etag);
    add_headers(file, etag, res);
    if (condition == CONDITION_NOT_MODIFIED)
        return respond_empty(res, 304);
    choose_part(req, etag, file->bytes, res);
    if (res->status == 416) {
        close(file->fd);
        return respond_problem(res, 416, NULL, "the file has %lld bytes", (long long)file->bytes);
    }
    res->fd = file->fd;
    res->type = "application/octet-stream";
    return true;
}
