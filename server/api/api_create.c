/* Create a job, from settings or from those of another job; or only say what would be created. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/api/api_common.h"
#include "server/api/json_job.h"
#include "server/api/json_network.h"
#include "server/base/json_text.h"
#include "server/data/dataset_folder.h"
#include "server/work/memory_limit.h"

enum {
    KEY_MOST = 255,          // bytes of an idempotency key
    CLONE_MOST_FIELDS = 64,  // of one object; looking each up takes time that grows with the square
    RATE_POINTS = 256,       // of the learning-rate curve of a dry run
};

/* --- what a valid job must also find here --- */

static void check_dataset(const App *app, const JobSpec *spec, Faults *faults)
{
    Error missing = {0};
    const DatasetInfo *set = dataset_find(spec->dataset);
    if (set && !faults_at(faults, "/dataset") && !dataset_available(app->datasets, set, &missing))
        faults_add_as(faults, "/dataset", "dataset_unavailable", "is not available: %s",
                      missing.message);
}

/* A job that no worker here could ever hold in memory. */
static void check_memory(const JobEstimate *estimate, Faults *faults)
{
    Error err = {0};
    if (!memory_can_hold("the job", estimate->memory_bytes, &err))
        faults_add_as(faults, "/batch_size", "too_large_for_memory", "is too large: %s",
                      err.message);
}

/* --- dry run --- */

/* The rate of each step, or of as many as a chart needs, from the first to the last. */
static cJSON *rates_to_json(const JobSpec *spec, int64_t total_steps)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *steps = cJSON_AddArrayToObject(json, "step");
    cJSON *rates = cJSON_AddArrayToObject(json, "learning_rate");
    const int64_t points = total_steps < RATE_POINTS ? total_steps : RATE_POINTS;
    for (int64_t i = 0; i < points; i++) {
        const int64_t step = points > 1 ? i * (total_steps - 1) / (points - 1) : 0;
        const double rate = schedule_rate(&spec->schedule, spec->learning_rate, step, total_steps);
        cJSON_AddItemToArray(steps, cJSON_CreateNumber((double)(step + 1)));
        cJSON_AddItemToArray(rates, json_number(rate));
    }
    return json;
}

/* What would be made: the settings, and what they mean. */
static bool respond_dry_run(Response *res, const JobSpec *spec, const JobEstimate *estimate,
                            Error *err)
{
    cJSON *network = spec_network_to_json(spec, err);
    if (!network)
        return false;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "object", "dry_run");
    cJSON *settings = spec_to_json(spec);
    cJSON_AddItemToObject(json, "name", cJSON_DetachItemFromObject(settings, "name"));
    cJSON_AddItemToObject(json, "metadata", cJSON_DetachItemFromObject(settings, "metadata"));
    cJSON_AddItemToObject(json, "settings", settings);
    const int64_t total_steps = spec_total_steps(spec);
    cJSON_AddNumberToObject(json, "total_steps", (double)total_steps);
    cJSON_AddItemToObject(json, "learning_rate_curve", rates_to_json(spec, total_steps));
    cJSON_AddItemToObject(json, "estimate", estimate_to_json(estimate));
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

/* The common end of create and clone: `json` is the request, with all that it inherits. */
static bool create_from(App *app, const Request *req, const cJSON *json, int64_t parent,
                        Faults *faults, Response *res, Error *err)
{
    JobSpec spec = {0};
    JobEstimate estimate;
    const bool dry = query_flag(req->query, "dry_run", faults);
    query_finish(req->query, faults);
    const bool valid = spec_read(json, (SpecRules){.allow_folders = false}, &spec, faults);
    check_dataset(app, &spec, faults);
    bool ok = !valid || jobs_estimate(app->jobs, &spec, app->job_threads, &estimate, err);
    if (ok && valid)
        check_memory(&estimate, faults);
    if (ok && faults->count)
        ok = respond_faults(res, faults);
    else if (ok)
        ok = dry ? respond_dry_run(res, &spec, &estimate, err)
                 : make_job(app, req, &spec, parent, res, err);
    spec_free(&spec);
    return ok;
}

bool create_job(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    return create_from(app, req, req->json, 0, &faults, res, err);
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
    cJSON *json = job_request(&parent);
    job_info_free(&parent);
    if (req->json && !cJSON_IsObject(req->json))
        faults_add(&faults, "", "must be an object");
    else if (req->json && !merge(json, req->json))
        faults_add(&faults, "", "has too many fields");
    const bool ok = create_from(app, req, json, id, &faults, res, err);
    cJSON_Delete(json);
    return ok;
}
