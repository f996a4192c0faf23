/* Create, list, look at, rename and delete jobs. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/api/api.h"
#include "server/api/api_common.h"
#include "server/api/json_job.h"
#include "server/api/json_network.h"
#include "server/jobs/spec_fields.h"

enum {
    LIST_USUAL = 20,
    LIST_MOST = 1000,
    KEY_MOST = 255,         // bytes of an idempotency key
    CLONE_MOST_FIELDS = 64  // of one object; looking each up takes time that grows with the square
};

/* "status=queued,running" as bits; 0 if it is absent. */
static unsigned statuses_of(Query *query, Faults *faults)
{
    const char *text = query_text(query, "status", faults);
    unsigned statuses = 0;
    while (text && *text) {
        const size_t n = strcspn(text, ",");
        int status = 0;
        while (status < JOB_STATUSES
               && (strlen(JOB_STATUS_NAMES[status]) != n
                   || strncmp(text, JOB_STATUS_NAMES[status], n) != 0))
            status++;
        if (status == JOB_STATUSES)
            faults_add(faults, "?status", "must be statuses with commas between, got %.40s", text);
        else
            statuses |= 1u << status;
        text += n + (text[n] == ',');
    }
    return statuses;
}

bool list_jobs(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    JobQuery query = {.statuses = statuses_of(req->query, &faults)};
    const char *after = query_text(req->query, "after", &faults);
    if (after && !job_id_parse(after, &query.after))
        faults_add(&faults, "?after", "must be a job's id, got %.40s", after);
    query.limit = (int)query_integer(req->query, "limit", LIST_USUAL, 1, LIST_MOST, &faults);
    query_finish(req->query, &faults);
    if (faults.count)
        return respond_faults(res, &faults);

    JobList list;
    if (!jobs_list(app->jobs, &query, &list, err))
        return false;
    cJSON *data = cJSON_CreateArray(), *last = NULL;
    char id[JOB_ID];
    for (size_t i = 0; i < list.count; i++)
        cJSON_AddItemToArray(data, job_to_json(&list.items[i]));
    if (list.count > 0) {
        job_id_format(list.items[list.count - 1].id, id);
        last = cJSON_CreateString(id);
    }
    const bool has_more = list.has_more;
    job_list_free(&list);
    return respond_json(res, 200, list_to_json(data, has_more, last));
}

bool get_job(App *app, const Request *req, Response *res, Error *err)
{
    JobInfo job;
    int64_t id;
    if (!request_job(req, &id, err))
        return false;
    if (request_has_faults(req, res))
        return true;
    return jobs_get(app->jobs, id, &job, err) && respond_job(res, 200, &job);
}

/* --- create and clone --- */

/* What would be made: the settings, and what they mean. */
static bool respond_dry_run(App *app, Response *res, const JobSpec *spec, Error *err)
{
    JobEstimate estimate;
    if (!jobs_estimate(app->jobs, spec, app->job_threads, &estimate, err))
        return false;
    cJSON *network = spec_network_to_json(spec, err);
    if (!network)
        return false;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "object", "dry_run");
    cJSON *settings = spec_to_json(spec);
    cJSON_AddItemToObject(json, "name", cJSON_DetachItemFromObject(settings, "name"));
    cJSON_AddItemToObject(json, "metadata", cJSON_DetachItemFromObject(settings, "metadata"));
    cJSON_AddItemToObject(json, "settings", settings);
    cJSON_AddNumberToObject(json, "total_steps", (double)spec_total_steps(spec));
    cJSON_AddItemToObject(json, "estimate", estimate_to_json(&estimate));
    cJSON_AddItemToObject(json, "network", network);
    return respond_json(res, 200, json);
}

/* The client's key, or NULL. */
static bool key_of(const Request *req, const char **key, Error *err)
{
    *key = request_header(req, "Idempotency-Key");
    if (!*key)
        return true;
    const size_t n = strlen(*key);
    bool plain = n >= 1 && n <= KEY_MOST;
    for (const char *c = *key; *c && plain; c++)
        plain = *c >= 0x20 && *c < 0x7f;
    return plain
           || fail(err, ERR_INVALID, "Idempotency-Key must be 1 to %d printable ASCII characters",
                   KEY_MOST);
}

static bool make_job(App *app, const Request *req, const JobSpec *spec, int64_t parent,
                     Response *res, Error *err)
{
    const char *key;
    if (!key_of(req, &key, err))
        return false;
    cJSON *resolved = spec_to_json(spec);
    char *settings = cJSON_PrintUnformatted(resolved);
    char *request = xasprintf("%s %s", req->path, settings);
    JobInfo job;
    bool replayed = false;
    const JobRequest wanted = {.spec = spec, .parent_id = parent, .key = key, .request = request};
    const bool ok = jobs_create(app->jobs, &wanted, &job, &replayed, err);
    free(request);
    cJSON_free(settings);
    cJSON_Delete(resolved);
    if (!ok)
        return false;
    char id[JOB_ID];
    job_id_format(job.id, id);
    response_header(res, "Location", "/v1/jobs/%s", id);
    if (replayed)
        response_header(res, "Idempotency-Replayed", "true");
    return respond_job(res, 201, &job);
}

/* The common end of create and clone: `json` is the wish, with all that it inherits. */
static bool take_wish(App *app, const Request *req, const cJSON *json, int64_t parent,
                      Faults *faults, Response *res, Error *err)
{
    JobSpec spec = {0};
    const bool dry = query_flag(req->query, "dry_run", faults);
    query_finish(req->query, faults);
    spec_read(json, (SpecRules){.allow_folders = false}, &spec, faults);
    bool ok;
    if (faults->count)
        ok = respond_faults(res, faults);
    else if (dry)
        ok = respond_dry_run(app, res, &spec, err);
    else
        ok = make_job(app, req, &spec, parent, res, err);
    spec_free(&spec);
    return ok;
}

bool create_job(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    return take_wish(app, req, req->json, 0, &faults, res, err);
}

/* RFC 7396: what `patch` names replaces what `target` has, null takes it away. */
static bool merge(cJSON *target, const cJSON *patch)
{
    if (cJSON_GetArraySize(patch) > CLONE_MOST_FIELDS)
        return false;
    const cJSON *item;
    cJSON_ArrayForEach(item, patch)
    {
        cJSON *old = cJSON_GetObjectItemCaseSensitive(target, item->string);
        if (cJSON_IsObject(item) && cJSON_IsObject(old)) {
            if (!merge(old, item))
                return false;
            continue;
        }
        cJSON_DeleteItemFromObjectCaseSensitive(target, item->string);
        if (!cJSON_IsNull(item))
            cJSON_AddItemToObject(target, item->string, cJSON_Duplicate(item, true));
    }
    return true;
}

bool clone_job(App *app, const Request *req, Response *res, Error *err)
{
    JobInfo parent;
    int64_t id;
    Faults faults = {.count = 0};
    if (!request_job(req, &id, err) || !jobs_get(app->jobs, id, &parent, err))
        return false;
    cJSON *wish = job_wish(&parent);
    job_info_free(&parent);
    if (req->json && !cJSON_IsObject(req->json))
        faults_add(&faults, "", "must be an object");
    else if (req->json && !merge(wish, req->json))
        faults_add(&faults, "", "has too many fields");
    const bool ok = take_wish(app, req, wish, id, &faults, res, err);
    cJSON_Delete(wish);
    return ok;
}

/* --- change and delete --- */

/* Name and metadata of a request, and a fault for each other field. The caller deletes it. */
static cJSON *changeable(const cJSON *json, Faults *faults)
{
    if (!cJSON_IsObject(json))
        return NULL;
    cJSON *change = cJSON_CreateObject();
    const cJSON *item;
    cJSON_ArrayForEach(item, json)
    {
        char pointer[sizeof faults->items[0].pointer] = "";
        if (strcmp(item->string, "name") == 0 || strcmp(item->string, "metadata") == 0) {
            cJSON_AddItemToObject(change, item->string, cJSON_Duplicate(item, true));
        } else {
            pointer_append(pointer, sizeof pointer, item->string);
            faults_add(faults, pointer, "cannot be changed, only name and metadata can");
        }
    }
    return change;
}

bool patch_job(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    JobSpec spec = {0};
    JobInfo job;
    int64_t id;
    if (!request_job(req, &id, err))
        return false;
    query_finish(req->query, &faults);
    cJSON *change = changeable(req->json, &faults);
    // The reader of whole jobs knows what a name and metadata may be.
    spec_read(change ? change : req->json, (SpecRules){.allow_folders = false}, &spec, &faults);
    cJSON_Delete(change);
    bool ok = true;
    if (faults.count) {
        respond_faults(res, &faults);
    } else {
        char *metadata = spec.metadata ? cJSON_PrintUnformatted(spec.metadata) : NULL;
        JobPatch patch = {0};
        if (cJSON_HasObjectItem(req->json, "name"))
            patch.name = spec.name;
        if (cJSON_HasObjectItem(req->json, "metadata"))
            patch.metadata = metadata ? metadata : "{}";
        ok = jobs_patch(app->jobs, id, patch, &job, err) && respond_job(res, 200, &job);
        cJSON_free(metadata);
    }
    spec_free(&spec);
    return ok;
}

bool delete_job(App *app, const Request *req, Response *res, Error *err)
{
    int64_t id;
    if (!request_job(req, &id, err))
        return false;
    if (request_has_faults(req, res))
        return true;
    return jobs_delete(app->jobs, id, err) && respond_empty(res, 204);
}
