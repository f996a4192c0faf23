/* A version as ONNX. The file is made for one reader, and has its place on the disk until that one
 * has it: a few at a time have one, however slowly they read. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/api/api_common.h"
#include "server/api/models/json_model.h"
#include "server/http/file_stream.h"
#include "server/models/model_card.h"
#include "server/models/model_files.h"
#include "server/models/model_onnx.h"

enum { FILES_MOST = 8 };  // at a time

static bool write_onnx(const ModelVersion *version, const char *path, ModelOnnx how, Error *err)
{
    const VersionRow *row = &version->row;
    const ModelHints hints = {row->network, row->channels, row->classes, row->image_size};
    ModelFile m;
    char number[24];
    if (!model_file_open_stored(version->path.text, &hints, &m, err))
        return false;
    char *card = model_card_markdown(version);
    snprintf(number, sizeof number, "%lld", (long long)row->version);
    const OnnxProperty more[] = {
        {"googlenetd_model", version->name}, {"googlenetd_model_version", number}, {"card", card}};
    how.more = more;
    how.more_count = COUNT(more);
    const bool ok = model_onnx_write(path, &m, &how, NULL, err);
    free(card);
    model_file_close(&m);
    return ok;
}

/* The file has no name any more: it is gone with the answer. */
static int make_onnx(const App *app, const ModelVersion *version, ModelOnnx how, Error *err)
{
    Path path;
    if (!quota_disk_has(app->data, version->row.bytes, err)
        || !model_incoming_path(app->data, &path, err) || !write_onnx(version, path.text, how, err))
        return -1;
    const int fd = open(path.text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(err, ERR_IO, "open %s: %s", path.text, strerror(errno));
    unlink(path.text);
    return fd;
}

/* ---- The answer ---- */

typedef struct {
    BodyStream file;
    atomic_int *files;
} OnnxBody;

static StreamStep next_piece(void *context, char **piece, size_t *size)
{
    const OnnxBody *body = context;
    return body->file.next(body->file.context, piece, size);
}

static void free_body(void *context)
{
    OnnxBody *body = context;
    body->file.free(body->file.context);
    atomic_fetch_sub(body->files, 1);
    free(body);
}

/* Takes `fd`, and the file's place among those that are there. */
static bool respond_onnx(App *app, const ModelVersion *version, int fd, Response *res, Error *err)
{
    struct stat file;
    if (fstat(fd, &file) != 0) {
        close(fd);
        atomic_fetch_sub(&app->onnx_files, 1);
        return fail(err, ERR_IO, "stat: %s", strerror(errno));
    }
    OnnxBody *body = xcalloc(1, sizeof *body);
    *body = (OnnxBody){file_stream(fd, 0, (size_t)file.st_size), &app->onnx_files};
    response_header(res, "Content-Disposition", "attachment; filename=\"%s-%lld.onnx\"",
                    version->name, (long long)version->row.version);
    respond_stream(res, "application/octet-stream",
                   (BodyStream){.next = next_piece, .free = free_body, .context = body});
    res->size = (size_t)file.st_size;
    return true;
}

static bool make_and_respond(App *app, const ModelVersion *version, ModelOnnx how, Response *res,
                             Error *err)
{
    if (atomic_fetch_add(&app->onnx_files, 1) >= FILES_MOST) {
        atomic_fetch_sub(&app->onnx_files, 1);
        response_header(res, "Retry-After", "5");
        return respond_problem(res, 503, "busy",
                               "%d models are being sent as ONNX, the most at a time", FILES_MOST);
    }
    const int fd = make_onnx(app, version, how, err);
    if (fd >= 0)
        return respond_onnx(app, version, fd, res, err);
    atomic_fetch_sub(&app->onnx_files, 1);
    return false;
}

bool get_model_onnx(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    ModelVersion version;
    const ModelOnnx how = {
        .keep_batch_norm = !query_flag(req->query, "fold_batch_norm", true, &faults),
        .without_preprocessing = !query_flag(req->query, "preprocessing", true, &faults),
        .probabilities = query_flag(req->query, "probabilities", false, &faults),
    };
    query_finish(req->query, &faults);
    if (faults.count)
        return respond_faults(res, &faults);
    if (!request_version(app, req, &version, err))
        return false;
    const bool ok = make_and_respond(app, &version, how, res, err);
    model_version_free(&version);
    return ok;
}
