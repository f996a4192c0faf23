/* Models: list, look at, register a job's checkpoint, point aliases, delete. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/api/api_common.h"
#include "server/api/jobs/json_job.h"
#include "server/api/models/json_model.h"
#include "server/base/ids.h"
#include "server/base/json/json_merge.h"
#include "server/base/json/json_text.h"
#include "server/models/models_change.h"
#include "server/models/models_register.h"

enum {
    LIST_DEFAULT = 20,
    LIST_MOST = 1000,
    ALIASES_MOST = 256,  // of a model: each list of models tells all of them
};

static bool respond_model(Response *res, ModelDetail *model)  // takes what it holds
{
    cJSON *json = model_to_json(model);
    model_detail_free(model);
    return respond_json(res, 200, json);
}

/* ---- Look ---- */

static bool respond_models(App *app, ModelList *list, Response *res, Error *err)
{
    char id[ID_TEXT];
    cJSON *data = cJSON_CreateArray(), *last = NULL;
    bool ok = true;
    for (size_t i = 0; ok && i < list->count; i++) {
        ModelDetail model;
        model_id_format(list->items[i].id, id);
        if (!row_is_listed(app, list->items[i].damage))
            continue;
        ok = models_detail(app->models, &list->items[i], &model, err);
        if (!ok)
            break;
        cJSON_AddItemToArray(data, model_to_json(&model));
        model_detail_free(&model);
    }
    if (list->count > 0)
        last = cJSON_CreateString(id);
    const bool more = list->has_more;
    model_list_free(list);
    if (ok)
        return respond_json(res, 200, list_to_json(data, more, last));
    cJSON_Delete(data);
    cJSON_Delete(last);
    return false;
}

bool list_models(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    ModelList list;
    ModelQuery query = {
        .limit = (int)query_integer(req->query, "limit", LIST_DEFAULT, 1, LIST_MOST, &faults),
        .name = query_text(req->query, "name", &faults),
    };
    const char *after = query_text(req->query, "after", &faults);
    if (after && !model_id_parse(after, &query.after))
        faults_add(&faults, "?after", "must be a model's id, got %.40s", after);
    query_finish(req->query, &faults);
    if (faults.count)
        return respond_faults(res, &faults);
    return models_list(app->models, &query, &list, err) && respond_models(app, &list, res, err);
}

bool get_model(App *app, const Request *req, Response *res, Error *err)
{
    ModelDetail model;
    if (request_has_faults(req, res))
        return true;
    return models_get(app->models, req->params[0], &model, err) && respond_model(res, &model);
}

/* ---- Register ---- */

typedef struct {
    const char *name, *checkpoint;
    int64_t job;
} NewModel;

static void check_name(const cJSON *json, NewModel *model, Faults *faults)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "name");
    if (!item)
        faults_add(faults, "/name", "is missing: what is the model called?");
    else if (!cJSON_IsString(item) || !model_name_valid(item->valuestring))
        fault_expected(faults, "/name", "1 to 64 letters, digits, dots, underscores and hyphens",
                       item);
    else
        model->name = item->valuestring;
}

static void check_job(App *app, const cJSON *json, NewModel *model, Faults *faults)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "job");
    JobInfo job;
    Error err = {0};
    if (!item)
        faults_add(faults, "/job", "is missing: which job has trained it?");
    else if (!cJSON_IsString(item) || !job_id_parse(item->valuestring, &model->job))
        fault_expected(faults, "/job", "the id of a job", item);
    else if (jobs_get(app->jobs, model->job, &job, &err))
        job_info_free(&job);
    else if (err.code == ERR_NOT_FOUND)
        faults_add(faults, "/job", "must be the id of a job, there is no %.40s", item->valuestring);
}

static void check_checkpoint(const cJSON *json, NewModel *model, Faults *faults)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "checkpoint");
    int64_t step;
    model->checkpoint = "best";
    if (!item)
        return;
    if (cJSON_IsString(item)
        && (strcmp(item->valuestring, "best") == 0 || strcmp(item->valuestring, "latest") == 0
            || checkpoint_id_parse(item->valuestring, &step)))
        model->checkpoint = item->valuestring;
    else
        fault_expected(faults, "/checkpoint", "\"best\", \"latest\" or a checkpoint's id", item);
}

static void read_new_model(App *app, const cJSON *json, NewModel *model, Faults *faults)
{
    static const char *const KNOWN[] = {"name", "job", "checkpoint"};
    *model = (NewModel){0};
    if (!cJSON_IsObject(json)) {
        fault_expected(faults, "", "an object", json);
        return;
    }
    const cJSON *item;
    cJSON_ArrayForEach(item, json)
    {
        char pointer[sizeof faults->items[0].pointer] = "";
        size_t i = 0;
        while (i < COUNT(KNOWN) && strcmp(KNOWN[i], item->string) != 0)
            i++;
        pointer_append(pointer, sizeof pointer, item->string);
        if (i == COUNT(KNOWN))
            faults_add(faults, pointer, "is not a known field");
        else if (json_given_twice(json, item))
            faults_add(faults, pointer, "is given twice");
    }
    check_name(json, model, faults);
    check_job(app, json, model, faults);
    check_checkpoint(json, model, faults);
}

/* 201 and the version; takes what it holds. */
static bool respond_registered(Response *res, ModelVersion *version, bool replayed)
{
    response_header(res, "Location", "/v1/models/%s/versions/%lld", version->name,
                    (long long)version->row.version);
    respond_replayed(res, replayed);
    cJSON *json = version_to_json(version->name, &version->row, &(AliasList){0}, true);
    model_version_free(version);
    return respond_json(res, 201, json);
}

static bool create(App *app, const Request *req, RequestKey key, Faults *faults, Response *res,
                   Error *err)
{
    NewModel model;
    ModelVersion version;
    bool replayed = false;
    bool ok = models_replay(app->models, key, &version, &replayed, err);
    if (ok && !replayed) {
        read_new_model(app, req->json, &model, faults);
        const ModelRequest wanted = {model.name, model.job, model.checkpoint, key};
        ok = faults->count > 0 || models_register(app->models, &wanted, &version, &replayed, err);
        if (!ok && err->code == ERR_NOT_FOUND) {
            faults_add(faults, "/checkpoint", "must be one that there is: %s", err->message);
            ok = true;
        }
    }
    if (ok && faults->count)
        return respond_faults(res, faults);
    return ok && respond_registered(res, &version, replayed);
}

bool create_model(App *app, const Request *req, Response *res, Error *err)
{
    return create_by_key(app, req, create, res, err);
}

/* ---- Change and delete ---- */

/* A request that changes a model. */
typedef struct {
    const Request *req;
    Faults *faults;
} ChangeRequest;

static bool allows(const Request *req, const ModelDetail *model, Error *err)
{
    return !request_is_conditional(req)
           || request_conditions_hold(req, model_to_json(model), "model", err);
}

static bool has_version(const ModelDetail *model, double number)
{
    for (size_t i = 0; i < model->versions.count; i++)
        if ((double)model->versions.items[i].version == number)
            return true;
    return false;
}

static bool has_alias(const ModelDetail *model, const char *alias)
{
    for (size_t i = 0; i < model->aliases.count; i++)
        if (strcmp(model->aliases.items[i].alias, alias) == 0)
            return true;
    return false;
}

/* Those that are there stay, however many an earlier version took. */
static void check_alias_count(const AliasList *changes, const ModelDetail *model, Faults *faults)
{
    int more = 0;
    for (size_t i = 0; i < changes->count; i++) {
        const bool before = has_alias(model, changes->items[i].alias);
        more += (changes->items[i].version > 0) - before;
    }
    if (more > 0 && model->aliases.count + (size_t)more > ALIASES_MOST)
        faults_add(faults, "/aliases", "must be at most %d of a model, with these there were %zu",
                   ALIASES_MOST, model->aliases.count + (size_t)more);
}

/* {"production":3,"old":null} */
static void read_aliases(const cJSON *patch, const ModelDetail *model, AliasList *list,
                         Faults *faults)
{
    const cJSON *item, *members = cJSON_IsObject(patch) ? patch : NULL;
    if (!members)
        fault_expected(faults, "/aliases", "an object of versions", patch);
    list->items = xcalloc((size_t)cJSON_GetArraySize(members) + 1, sizeof *list->items);
    cJSON_ArrayForEach(item, members)
    {
        char pointer[sizeof faults->items[0].pointer] = "/aliases";
        double number = 0;
        pointer_append(pointer, sizeof pointer, item->string);
        if (!model_alias_valid(item->string))
            faults_add(faults, pointer,
                       "must be called by 1 to 32 letters, digits, dots, underscores and hyphens, "
                       "and not by digits alone");
        else if (strcmp(item->string, "latest") == 0 && !cJSON_IsNull(item))
            faults_add(faults, pointer, "is always the newest version: an alias has another name");
        else if (json_given_twice(members, item))
            faults_add(faults, pointer, "is given twice");
        else if (!cJSON_IsNull(item)
                 && (!json_number_value(item, &number) || !has_version(model, number)))
            fault_expected(faults, pointer, "the number of a version that there is, or null", item);
        else {
            AliasRow *alias = &list->items[list->count++];
            snprintf(alias->alias, sizeof alias->alias, "%s", item->string);
            alias->version = (int64_t)number;
        }
    }
    check_alias_count(list, model, faults);
}

/* What metadata may be is known to the settings of jobs. */
static char *read_metadata(const cJSON *patch, const ModelDetail *model, Faults *faults)
{
    cJSON *all = cJSON_CreateObject(), *whole = cJSON_CreateObject();
    cJSON_AddItemToObject(all, "metadata", json_parse_stored(model->row.metadata));
    cJSON_AddItemToObject(whole, "metadata", cJSON_Duplicate(patch, true));
    json_merge(all, whole, "", faults);
    JobSpec spec = {0};
    spec_read(all, (SpecRules){.allow_folders = false}, &spec, faults);
    char *text = spec.metadata ? cJSON_PrintUnformatted(spec.metadata) : xstrdup("{}");
    spec_free(&spec);
    cJSON_Delete(all);
    cJSON_Delete(whole);
    return text;
}

static bool apply_patch(void *context, const ModelDetail *model, ModelChange *change, Error *err)
{
    const ChangeRequest *c = context;
    const cJSON *json = c->req->json, *item, *members = cJSON_IsObject(json) ? json : NULL;
    if (!allows(c->req, model, err))
        return false;
    if (!members)
        fault_expected(c->faults, "", "an object", json);
    cJSON_ArrayForEach(item, members)
    {
        char pointer[sizeof c->faults->items[0].pointer] = "";
        pointer_append(pointer, sizeof pointer, item->string);
        if (json_given_twice(members, item))
            faults_add(c->faults, pointer, "is given twice");
        else if (strcmp(item->string, "aliases") == 0)
            read_aliases(item, model, &change->aliases, c->faults);
        else if (strcmp(item->string, "metadata") == 0)
            change->metadata = read_metadata(item, model, c->faults);
        else
            faults_add(c->faults, pointer, "cannot be changed, only aliases and metadata can");
    }
    return c->faults->count == 0 || fail(err, ERR_INVALID, "the patch has faults");
}

bool patch_model(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    ChangeRequest change = {req, &faults};
    ModelDetail model;
    query_finish(req->query, &faults);
    const bool ok = models_edit(app->models, req->params[0], apply_patch, &change, &model, err);
    if (!ok && (faults.count == 0 || err->code == ERR_NOT_FOUND))
        return false;
    if (faults.count)
        return respond_faults(res, &faults);
    return respond_model(res, &model);
}

static bool allow_deletion(void *context, const ModelDetail *model, ModelChange *change, Error *err)
{
    const ChangeRequest *c = context;
    (void)change;
    return allows(c->req, model, err);
}

bool delete_model(App *app, const Request *req, Response *res, Error *err)
{
    ChangeRequest change = {.req = req};
    if (request_has_faults(req, res))
        return true;
    return models_delete(app->models, req->params[0], allow_deletion, &change, err)
           && respond_empty(res, 204);
}
