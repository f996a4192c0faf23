/* List, look at, rename and delete jobs. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/api/api_common.h"
#include "server/api/jobs/json_job.h"
#include "server/api/labels.h"
#include "server/base/ids.h"

enum {
    LIST_DEFAULT = 20,
    LIST_MOST = 1000,
};

/* ---- List ---- */

/* Settings have the id of a set; the name of one that is there stands for it. */
static bool resolve_set(App *app, JobMatch *match, char dataset[ID_TEXT], Error *err)
{
    int64_t id;
    if (strcmp(match->key, "dataset") != 0 || dataset_find(match->value))
        return true;
    if (!find_set_id(app, match->value, &id, err))
        return false;
    if (id > 0) {
        dataset_id_format(id, dataset);
        match->value = dataset;
    }
    return true;
}

/* Read the filters by settings and metadata; returns their number. */
static int read_matches(App *app, Query *query, JobMatch matches[QUERY_MAX_PAIRS],
                        char dataset[ID_TEXT], Faults *faults, Error *err)
{
    static const char *const SETTINGS[] = {"network", "dataset"};
    int count = 0, next = 0;
    const char *value, *key;
    for (size_t i = 0; i < COUNT(SETTINGS); i++)
        if ((value = query_text(query, SETTINGS[i], faults)))
            matches[count++] = (JobMatch){MATCH_SETTING, SETTINGS[i], value};
    for (int i = 0; i < count; i++)
        if (!resolve_set(app, &matches[i], dataset, err))
            return 0;
    while ((value = query_next(query, "metadata.", &next, &key, faults)))
        matches[count++] = (JobMatch){MATCH_METADATA, key, value};
    return count;
}

static bool respond_jobs(const App *app, Response *res, JobList *list)
{
    cJSON *data = cJSON_CreateArray(), *last = NULL;
    char id[ID_TEXT];
    for (size_t i = 0; i < list->count; i++)
        if (row_is_listed(app, list->items[i].damage))
            cJSON_AddItemToArray(data, job_to_json(&list->items[i]));
    if (list->count > 0) {
        job_id_format(list->items[list->count - 1].id, id);
        last = cJSON_CreateString(id);
    }
    const bool has_more = list->has_more;
    job_list_free(list);
    return respond_json(res, 200, list_to_json(data, has_more, last));
}

bool list_jobs(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    JobMatch matches[QUERY_MAX_PAIRS];
    char dataset[ID_TEXT];
    const JobQuery query = {
        .after = query_id(req->query, "after", "a job's", job_id_parse, &faults),
        .limit = (int)query_integer(req->query, "limit", LIST_DEFAULT, 1, LIST_MOST, &faults),
        .statuses = query_statuses(req->query, JOB_STATUS_NAMES, JOB_STATUSES, &faults),
        .parent_id = query_id(req->query, "parent_id", "a job's", job_id_parse, &faults),
        .name = query_text(req->query, "name", &faults),
        .matches = matches,
        .match_count = read_matches(app, req->query, matches, dataset, &faults, err),
    };
    JobList list;
    if (err->code != ERR_NONE)
        return false;
    query_finish(req->query, &faults);
    if (faults.count)
        return respond_faults(res, &faults);
    return jobs_list(app->jobs, &query, &list, err) && respond_jobs(app, res, &list);
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

/* ---- Change and delete ---- */

/* A request that changes a job. */
typedef struct {
    const Request *req;
    const cJSON *patch;  // of name and metadata
    Faults *faults;
} JobChange;

/* Called inside the change, so that of two patches at the same time neither is lost. */
static bool apply_patch(void *context, JobInfo *job, Error *err)
{
    JobChange *change = context;
    if (!request_allows(change->req, job, err))
        return false;
    cJSON *after = labels_patched(job->name, job->metadata, change->patch, change->faults);
    const bool ok = labels_read(after, job->name, sizeof job->name, &job->metadata, change->faults);
    cJSON_Delete(after);
    return ok || fail(err, ERR_INVALID, "the patch has faults");
}

bool patch_job(App *app, const Request *req, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    JobInfo job;
    int64_t id;
    if (!request_job(req, &id, err))
        return false;
    query_finish(req->query, &faults);
    cJSON *patch = labels_patch(req->json, &faults);
    JobChange change = {req, patch, &faults};
    const bool ok = jobs_edit(app->jobs, id, apply_patch, &change, &job, err);
    cJSON_Delete(patch);
    if (!ok && (faults.count == 0 || err->code == ERR_NOT_FOUND))
        return false;
    if (faults.count)
        return respond_faults(res, &faults);
    return respond_job(res, 200, &job);
}

static bool allow_deletion(void *context, JobInfo *job, Error *err)
{
    const JobChange *change = context;
    return request_allows(change->req, job, err);
}

bool delete_job(App *app, const Request *req, Response *res, Error *err)
{
    int64_t id;
    if (!request_job(req, &id, err))
        return false;
    if (request_has_faults(req, res))
        return true;
    JobChange change = {.req = req};
    return jobs_delete(app->jobs, id, allow_deletion, &change, err) && respond_empty(res, 204);
}
