/* List, look at, rename and delete jobs. */
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
