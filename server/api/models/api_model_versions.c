/* Versions of models: weights from elsewhere, one version, its file, its card. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/api/api_common.h"
#include "server/api/datasets/upload_sink.h"
#include "server/api/file_answer.h"
#include "server/api/models/json_model.h"
#include "server/base/ids.h"
#include "server/base/json/json_text.h"
#include "server/models/model_card.h"
#include "server/models/model_files.h"
#include "server/models/models_change.h"
#include "server/models/models_register.h"
#include "server/work/machine/memory_limit.h"

enum {
    LIST_DEFAULT = 20,
    LIST_MOST = 1000,
};

/* ---- Look ---- */

/* A page of the versions that came from `job_id` (0: from anywhere) and before `after`. */
static bool respond_versions(const App *app, Response *res, const ModelDetail *model,
                             int64_t job_id, int64_t after, int limit)
{
    cJSON *data = cJSON_CreateArray();
    int64_t last = 0;
    bool more = false;
    int count = 0;
    for (size_t i = 0; i < model->versions.count; i++) {
        const VersionRow *row = &model->versions.items[i];
        if (row->version >= after || (job_id != 0 && row->source.job_id != job_id))
            continue;
        more = count++ == limit;
        if (more)
            break;
        last = row->version;
        if (row_is_listed(app, row->damage))
            cJSON_AddItemToArray(data,
                                 version_to_json(model->row.name, row, &model->aliases, false));
    }
    return respond_json(res, 200,
                        list_to_json(data, more, last ? cJSON_CreateNumber((double)last) : NULL));
}

bool list_model_versions(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    ModelDetail model;
    const int64_t job = query_id(req->query, "job", "a job's", job_id_parse, &faults);
    const int64_t after = query_integer(req->query, "after", INT64_MAX, 1, INT64_MAX, &faults);
    const int limit = (int)query_integer(req->query, "limit", LIST_DEFAULT, 1, LIST_MOST, &faults);
    query_finish(req->query, &faults);
    if (faults.count)
        return respond_faults(res, &faults);
    if (!models_get(app->models, req->params[0], &model, err))
        return false;
    respond_versions(app, res, &model, job, after, limit);
    model_detail_free(&model);
    return true;
}

/* The versions come with the newest first. */
static const VersionRow *find_version(const ModelDetail *model, const char *number_or_alias)
{
    for (size_t i = 0; i < model->versions.count; i++) {
        char number[ID_TEXT];
        const VersionRow *row = &model->versions.items[i];
        snprintf(number, sizeof number, "%lld", (long long)row->version);
        bool named = strcmp(number, number_or_alias) == 0
                     || (i == 0 && strcmp(number_or_alias, "latest") == 0);
        for (size_t a = 0; a < model->aliases.count; a++)
            named |= model->aliases.items[a].version == row->version
                     && strcmp(model->aliases.items[a].alias, number_or_alias) == 0;
        if (named)
            return row;
    }
    return NULL;
}

bool get_model_version(App *app, const Request *req, Response *res, Error *err)
{
    ModelDetail model;
    if (request_has_faults(req, res))
        return true;
    if (!models_get(app->models, req->params[0], &model, err))
        return false;
    const VersionRow *row = find_version(&model, req->params[1]);
    const bool whole = !row || row_whole(row->damage, err);
    cJSON *json = row && whole ? version_to_json(model.row.name, row, &model.aliases, true) : NULL;
    model_detail_free(&model);
    if (json)
        return respond_json(res, 200, json);
    return whole
           && fail_as(err, ERR_NOT_FOUND, "version_not_found", "the model %s has no version %s",
                      req->params[0], req->params[1]);
}

static bool allow_deletion(void *context, const ModelDetail *model, ModelChange *change, Error *err)
{
    const Request *req = context;
    const VersionRow *row = find_version(model, req->params[1]);
    (void)change;
    return !row || !request_is_conditional(req)
           || request_conditions_hold(
               req, version_to_json(model->row.name, row, &model->aliases, true), "version", err);
}

bool delete_model_version(App *app, const Request *req, Response *res, Error *err)
{
    int64_t number;
    if (request_has_faults(req, res))
        return true;
    if (!model_version_parse(req->params[1], &number))
        return fail_as(err, ERR_NOT_FOUND, "version_not_found", "the model %s has no version %s",
                       req->params[0], req->params[1]);
    return models_delete_version(app->models, req->params[0], number, allow_deletion, (void *)req,
                                 err)
           && respond_empty(res, 204);
}

/* Opened; while it was looked up it may have been deleted. */
static int open_version(ModelVersion *version, Error *err)
{
    const int fd = open(version->path.text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail_as(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "file_missing",
                "the file of %s, version %lld, cannot be opened: %s", version->name,
                (long long)version->row.version, strerror(errno));
    return fd;
}

bool get_model_content(App *app, const Request *req, Response *res, Error *err)
{
    ModelVersion version;
    if (request_has_faults(req, res))
        return true;
    if (!request_version(app, req, &version, err))
        return false;
    char name[MODEL_NAME + 40], label[MODEL_NAME + 40];
    snprintf(name, sizeof name, "%s-%lld.safetensors", version.name,
             (long long)version.row.version);
    snprintf(label, sizeof label, "%s, version %lld", version.name, (long long)version.row.version);
    const int fd = open_version(&version, err);
    const bool ok =
        fd >= 0
        && respond_file(req, &(FileAnswer){fd, label, name, version.row.bytes, version.row.sha256},
                        res, err);
    model_version_free(&version);
    return ok;
}

bool get_model_card(App *app, const Request *req, Response *res, Error *err)
{
    ModelVersion version;
    bool markdown;
    if (request_has_faults(req, res) || !request_accepts(req, "text/markdown", &markdown, res))
        return true;
    if (!request_version(app, req, &version, err))
        return false;
    char *text = markdown ? model_card_markdown(&version) : NULL;
    cJSON *json = markdown ? NULL : model_card_json(&version);
    model_version_free(&version);
    return markdown ? respond_text(res, "text/markdown; charset=utf-8", text, strlen(text))
                    : respond_json(res, 200, json);
}

/* ---- Weights from elsewhere ---- */

enum {
    NAMES_MOST = QUERY_MAX_BYTES,
    // Of a file that is read: its bytes, its numbers as float32, the network's parameters.
    COPIES = 3,
};

typedef struct {
    App *app;
    ModelUpload upload;
    char *texts[3];      // that `upload` points into
    const char **names;  // of classes
    Faults faults;
    ModelVersion version;
} Incoming;

static void free_incoming(void *context)
{
    Incoming *in = context;
    for (size_t i = 0; i < COUNT(in->texts); i++)
        free(in->texts[i]);
    for (int i = 0; i < in->upload.class_name_count; i++)
        free((void *)in->names[i]);
    free(in->names);
    free(in);
}

/* A JSON array of texts, or names with commas between. */
static void read_names(const char *text, Incoming *in)
{
    Error err = {0};
    cJSON *json = text[0] == '[' ? json_parse_text("class_names", text, strlen(text), &err) : NULL;
    in->names = xcalloc(NAMES_MOST, sizeof *in->names);
    int *count = &in->upload.class_name_count;
    if (text[0] == '[' && !cJSON_IsArray(json))
        faults_add(&in->faults, "?class_names", "%s", err.message);
    for (const cJSON *item = json ? json->child : NULL; item; item = item->next) {
        if (cJSON_IsString(item) && item->valuestring[0])
            in->names[(*count)++] = xstrdup(item->valuestring);
        else
            fault_expected(&in->faults, "?class_names", "names that are not empty", item);
    }
    for (const char *at = text; text[0] != '['; at++) {
        const size_t n = strcspn(at, ",");
        if (n == 0)
            faults_add(&in->faults, "?class_names",
                       "must be names with commas between, one is "
                       "empty");
        else
            in->names[(*count)++] = xasprintf("%.*s", (int)n, at);
        at += n;
        if (!*at)
            break;
    }
    in->upload.class_names = in->names;
    cJSON_Delete(json);
}

static void read_upload(const Request *req, Incoming *in)
{
    Faults *faults = &in->faults;
    ModelHints *hints = &in->upload.hints;
    Query *q = req->query;
    const char *network = query_text(q, "network", faults);
    const char *names = query_text(q, "class_names", faults);
    in->upload.name = in->texts[0] = xstrdup(req->params[0]);
    if (!model_name_valid(req->params[0]))
        faults_add(faults, "name",
                   "must be 1 to 64 letters, digits, dots, underscores and hyphens");
    if (network && !models_find(network))
        faults_add(faults, "?network", "must be a network of GET /v1/networks, got %.40s", network);
    hints->network = in->texts[1] = network ? xstrdup(network) : NULL;
    hints->channels = (int)query_integer(q, "channels", 0, 1, 3, faults);
    hints->classes = (int)query_integer(q, "classes", 0, 1, UINT16_MAX, faults);
    hints->image_size = (int)query_integer(q, "image_size", 0, 1, 1024, faults);
    if (names)
        read_names(names, in);
    query_finish(q, faults);
}

static bool respond_uploaded(Incoming *in, Response *res)
{
    ModelVersion *version = &in->version;
    response_header(res, "Location", "/v1/models/%s/versions/%lld", version->name,
                    (long long)version->row.version);
    cJSON *json = version_to_json(version->name, &version->row, &(AliasList){0}, true);
    model_version_free(version);
    return respond_json(res, 201, json);
}

/* Read the file, if that has room in memory beside the others that are being read. */
static bool read_file(Incoming *in, int64_t bytes, Error *err)
{
    App *app = in->app;
    const long long needed = COPIES * bytes, held = atomic_fetch_add(&app->read_bytes, needed);
    const bool ok = memory_can_add("reading the file", (size_t)(held + needed), err)
                    && models_upload(app->models, &in->upload, &in->version, &in->faults, err);
    atomic_fetch_sub(&app->read_bytes, needed);
    return ok;
}

/* The body is whole and on disk. Under its new name a sudden death leaves nothing of it. */
static bool take_file(void *context, const UploadInfo *upload, Response *res, Error *err)
{
    Incoming *in = context;
    UploadInfo info;
    Path path;
    if (!model_incoming_path(in->app->data, &path, err)
        || !uploads_take(in->app->uploads, upload->id, path.text, &info, err)) {
        uploads_delete(in->app->uploads, upload->id, NULL);
        return false;
    }
    in->upload.path = path.text;
    const bool ok = read_file(in, info.length, err);
    unlink(path.text);
    quota_give_back(in->app->quota, info.length);
    if (ok)
        return respond_uploaded(in, res);
    return in->faults.count > 0 && respond_faults(res, &in->faults);
}

bool send_model_version(App *app, const Request *req, Response *res, Error *err)
{
    UploadWriter *writer;
    Incoming *in = xcalloc(1, sizeof *in);
    in->app = app;
    read_upload(req, in);
    bool ok = true, begun = false;
    if (in->faults.count)
        respond_faults(res, &in->faults);
    else if (req->body_length == 0)
        respond_problem(res, 400, NULL, "the body is empty: it must be a safetensors file");
    else
        ok = begun = upload_start(app->uploads, req->body_length, &writer, err);
    if (begun)
        return respond_upload(res, writer, take_file, in, free_incoming);
    free_incoming(in);
    return ok;
}
