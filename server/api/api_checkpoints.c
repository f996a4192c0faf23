/* List and show checkpoints, and download their model files. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/api/api_common.h"
#include "server/api/json_job.h"
#include "server/http/etag.h"
#include "server/http/headers.h"

bool list_checkpoints(App *app, const Request *req, Response *res, Error *err)
{
    CheckpointList list;
    int64_t id;
    if (!request_job(req, &id, err))
        return false;
    if (request_has_faults(req, res))
        return true;
    if (!jobs_checkpoints(app->jobs, id, &list, err))
        return false;
    cJSON *data = cJSON_CreateArray(), *last = NULL;
    for (size_t i = 0; i < list.count; i++)
        cJSON_AddItemToArray(data, checkpoint_to_json(&list.items[i]));
    if (list.count) {
        char text[JOB_ID];
        checkpoint_id_format(list.items[list.count - 1].step, text);
        last = cJSON_CreateString(text);
    }
    checkpoint_list_free(&list);
    return respond_json(res, 200, list_to_json(data, false, last));
}

/* Open the file of the checkpoint that the path names. */
static bool open_checkpoint(App *app, const Request *req, CheckpointRow *row, int *fd, Error *err)
{
    const char *which = req->params[1];
    int64_t id, step;
    if (!request_job(req, &id, err))
        return false;
    if (strcmp(which, "latest") != 0 && strcmp(which, "best") != 0
        && !checkpoint_id_parse(which, &step))
        return fail(err, ERR_NOT_FOUND, "%s has no checkpoint %s", req->params[0], which);
    return jobs_checkpoint_open(app->jobs, id, which, row, fd, err);
}

bool get_checkpoint(App *app, const Request *req, Response *res, Error *err)
{
    CheckpointRow row;
    int fd;
    if (request_has_faults(req, res))
        return true;
    if (!open_checkpoint(app, req, &row, &fd, err))
        return false;
    close(fd);
    return respond_json(res, 200, checkpoint_to_json(&row));
}

static int hex_value(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* A SHA-256 from lower-case hexadecimal to base64: 32 bytes, 44 characters. */
static void digest_base64(const char *hex, char text[45])
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, count = 0, n = 0;
    for (int i = 0; i < 64; i++) {
        bits = bits << 4 | (unsigned)hex_value(hex[i]);
        count += 4;
        if (count >= 6) {
            count -= 6;
            text[n++] = DIGITS[bits >> count & 63];
        }
    }
    text[n++] = DIGITS[bits << (6 - count) & 63];
    text[n++] = '=';
    text[n] = '\0';
}

static void add_headers(const Request *req, const CheckpointRow *row, const char *etag,
                        Response *res)
{
    char id[JOB_ID], digest[45];
    checkpoint_id_format(row->step, id);
    response_header(res, "Accept-Ranges", "bytes");
    response_header(res, "ETag", "%s", etag);
    response_header(res, "Cache-Control", "private, no-cache");
    response_header(res, "Content-Disposition", "attachment; filename=\"%s-%s.safetensors\"",
                    req->params[0], id);
    if (strlen(row->sha256) == 64) {
        digest_base64(row->sha256, digest);
        response_header(res, "Repr-Digest", "sha-256=:%s:", digest);
    }
}

/* Set status, offset and size: for the whole file, or for the requested range. */
static void choose_part(const Request *req, const char *etag, int64_t size, Response *res)
{
    int64_t first = 0, last = size - 1;
    const char *only_if = request_header(req, "If-Range");
    // If-Range compares strongly, and we have no dates: anything but our tag asks for the whole.
    const bool ranged = !only_if || strcmp(only_if, etag) == 0;
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

bool get_checkpoint_content(App *app, const Request *req, Response *res, Error *err)
{
    CheckpointRow row;
    struct stat file;
    char etag[80];
    int fd;
    if (request_has_faults(req, res))
        return true;
    if (!open_checkpoint(app, req, &row, &fd, err))
        return false;
    if (fstat(fd, &file) != 0 || file.st_size != row.bytes) {
        close(fd);
        return fail(err, ERR_IO, "the file of checkpoint %s does not have the %lld bytes it had",
                    req->params[1], (long long)row.bytes);
    }
    snprintf(etag, sizeof etag, "\"%s\"", row.sha256);
    const Condition condition = etag_condition(request_header(req, "If-Match"),
                                               request_header(req, "If-None-Match"), etag, true);
    if (condition != CONDITION_HOLDS)
        close(fd);
    if (condition == CONDITION_FAILED)
        return respond_problem(res, 412, NULL, "If-Match does not name %s, the tag of the file",
                               etag);
    add_headers(req, &row, etag, res);
    if (condition == CONDITION_NOT_MODIFIED)
        return respond_empty(res, 304);
    choose_part(req, etag, row.bytes, res);
    if (res->status == 416) {
        close(fd);
        return respond_problem(res, 416, NULL, "the file has %lld bytes", (long long)row.bytes);
    }
    res->fd = fd;
    res->type = "application/octet-stream";
    return true;
}
