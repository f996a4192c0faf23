#include "server/api/api_common.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/sha256.h"
#include "server/api/jobs/json_job.h"
#include "server/base/ids.h"
#include "server/base/json/json_text.h"
#include "server/http/message/etag.h"
#include "server/http/message/headers.h"

enum { KEY_MOST = 255 };  // bytes of an idempotency key
static_assert((int)KEY_MOST < (int)UPLOAD_KEY, "an upload keeps its key whole");

bool request_job(const Request *req, int64_t *id, Error *err)
{
    return job_id_parse(req->params[0], id)
           || fail_as(err, ERR_NOT_FOUND, "job_not_found", "there is no job %s", req->params[0]);
}

bool row_is_listed(const App *app, const char *damage)
{
    if (damage)
        LOG(app->log, LOG_WARNING, "row_left_out", log_text("error", damage));
    return !damage;
}

bool request_has_faults(const Request *req, Response *res)
{
    Faults faults = {.count = 0};
    query_finish(req->query, &faults);
    if (faults.count == 0)
        return false;
    return respond_faults(res, &faults);
}

bool request_has_input(const Request *req, Response *res)
{
    Faults faults = {.count = 0};
    query_finish(req->query, &faults);
    if (req->json && (!cJSON_IsObject(req->json) || req->json->child))
        faults_add(&faults, "", "must be empty, or {}");
    return faults.count > 0 && respond_faults(res, &faults);
}

bool respond_job(Response *res, int status, JobInfo *job)
{
    cJSON *json = job_to_json(job);
    job_info_free(job);
    return respond_json(res, status, json);
}

bool request_accepts(const Request *req, const char *type, bool *other, Response *res)
{
    const char *const offers[] = {"application/json", type};
    const int choice = accept_choose(request_header(req, "Accept"), offers, 2);
    *other = choice == 1;
    if (choice >= 0)
        return true;
    return request_reject(res, 406, NULL, "this is available as %s or %s", offers[0], type);
}

static void add_labels(cJSON *to, const JobInfo *job)
{
    if (*job->name)
        cJSON_AddStringToObject(to, "name", job->name);
    cJSON_AddItemToObject(to, "metadata", json_parse_stored(job->metadata));
}

cJSON *job_request(const JobInfo *job)
{
    cJSON *request = json_parse_stored(job->settings);
    add_labels(request, job);
    return request;
}

bool request_is_conditional(const Request *req)
{
    return request_header(req, "If-Match") || request_header(req, "If-None-Match");
}

bool request_conditions_hold(const Request *req, cJSON *shown, const char *what, Error *err)
{
    const char *if_match = request_header(req, "If-Match");
    char etag[ETAG_TEXT];
    char *text = cJSON_PrintUnformatted(shown);
    etag_make(text, strlen(text), etag);
    cJSON_free(text);
    cJSON_Delete(shown);
    return etag_condition(if_match, request_header(req, "If-None-Match"), etag, false)
               == CONDITION_HOLDS
           || fail_as(err, ERR_CONFLICT, "precondition_failed",
                      "%s does not allow it: the %s's tag is %s now",
                      if_match ? "If-Match" : "If-None-Match", what, etag);
}

bool request_allows(const Request *req, const JobInfo *job, Error *err)
{
    return !request_is_conditional(req)
           || request_conditions_hold(req, job_to_json(job), "job", err);
}

bool request_version(App *app, const Request *req, ModelVersion *version, Error *err)
{
    char *reference = xasprintf("%s@%s", req->params[0], req->params[1]);
    const bool ok = models_resolve(app->models, reference, version, err);
    free(reference);
    return ok;
}

static int name_index(const char *const names[], int count, const char *text, size_t n)
{
    int i = 0;
    while (i < count && (strlen(names[i]) != n || strncmp(text, names[i], n) != 0))
        i++;
    return i;
}

/* "queued, running, succeeded" */
static void list_names(const char *const names[], int count, char text[200])
{
    size_t n = 0;
    for (int i = 0; i < count && n < 200; i++)
        n += (size_t)snprintf(text + n, 200 - n, "%s%s", i ? ", " : "", names[i]);
}

unsigned query_statuses(Query *query, const char *const names[], int count, Faults *faults)
{
    const char *text = query_text(query, "status", faults);
    unsigned statuses = 0;
    char known[200];
    list_names(names, count, known);
    if (text && !*text)
        faults_add(faults, "?status", "must be one or more of %s, with commas between, got none",
                   known);
    while (text && *text) {
        const size_t n = strcspn(text, ",");
        const int status = name_index(names, count, text, n);
        if (status == count)
            faults_add(faults, "?status",
                       "must be one or more of %s, with commas between, got %.40s", known, text);
        else
            statuses |= 1u << status;
        text += n + (text[n] == ',');
    }
    return statuses;
}

int64_t query_id(Query *query, const char *name, const char *whose, IdParser parse, Faults *faults)
{
    const char *text = query_text(query, name, faults);
    char pointer[16];
    int64_t id = 0;
    snprintf(pointer, sizeof pointer, "?%s", name);
    if (text && !parse(text, &id))
        faults_add(faults, pointer, "must be %s id, got %.40s", whose, text);
    return id;
}

bool find_set_id(App *app, const char *id_or_name, int64_t *id, Error *err)
{
    DatasetRow set;
    Error why = {0};
    *id = 0;
    if (datasets_find(app->sets, id_or_name, &set, &why)) {
        *id = set.id;
        dataset_row_free(&set);
    } else if (why.code != ERR_NOT_FOUND) {
        *err = why;
    }
    return why.code == ERR_NONE || why.code == ERR_NOT_FOUND;
}

cJSON *list_to_json(cJSON *data, bool has_more, cJSON *last_id)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "object", "list");
    cJSON_AddItemToObject(json, "data", data);
    cJSON_AddBoolToObject(json, "has_more", has_more);
    cJSON_AddItemToObject(json, "last_id", last_id ? last_id : cJSON_CreateNull());
    return json;
}

ListPage query_page(Query *query, Faults *faults)
{
    return (ListPage){
        .after = query_text(query, "after", faults),
        .limit = (int)query_integer(query, "limit", PAGE_MOST, 1, PAGE_MOST, faults),
    };
}

/* The first object behind page.after; NULL: there is none, which is a fault where nothing in the
 * list is called so. */
static const cJSON *page_begin(const cJSON *all, const char *key, ListPage page, Faults *faults)
{
    const cJSON *item;
    if (!page.after)
        return all->child;
    cJSON_ArrayForEach(item, all)
    {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(item, key);
        if (strcmp(cJSON_GetStringValue(id), page.after) == 0)
            return item->next;
    }
    faults_add(faults, "?after", "must be the %s of one of this list, got %.40s", key, page.after);
    return NULL;
}

bool respond_page(const Request *req, cJSON *all, const char *key, ListPage page, Faults *faults,
                  Response *res)
{
    const cJSON *item = page_begin(all, key, page, faults), *last = NULL;
    cJSON *data = cJSON_CreateArray();
    for (int n = 0; item && n < page.limit; n++, item = item->next) {
        cJSON_AddItemToArray(data, cJSON_Duplicate(item, true));
        last = cJSON_GetObjectItemCaseSensitive(item, key);
    }
    query_finish(req->query, faults);
    cJSON *last_id = last ? cJSON_Duplicate(last, false) : NULL;
    cJSON *list = list_to_json(data, item != NULL, last_id);
    cJSON_Delete(all);
    if (!faults->count)
        return respond_json(res, 200, list);
    cJSON_Delete(list);
    return respond_faults(res, faults);
}

bool respond_whole_list(const Request *req, cJSON *all, const char *key, Response *res)
{
    Faults faults = {.count = 0};
    const ListPage page = query_page(req->query, &faults);
    return respond_page(req, all, key, page, &faults, res);
}

RequestKey request_key(const Request *req, Faults *faults)
{
    const char *key = request_header(req, "Idempotency-Key");
    if (!key)
        return (RequestKey){0};
    const size_t n = strlen(key);
    bool plain = n >= 1 && n <= KEY_MOST;
    for (const char *c = key; *c && plain; c++)
        plain = *c >= 0x20 && *c < 0x7f;
    if (!plain) {
        faults_add(faults, "Idempotency-Key", "must be 1 to %d printable ASCII characters",
                   KEY_MOST);
        return (RequestKey){0};
    }
    char hash[65];
    Sha256 sum = sha256_new();
    sha256_add(&sum, req->body, req->body_size);
    sha256_hex(&sum, hash);
    return (RequestKey){key, xasprintf("%s %s %s", req->method, req->path, hash)};
}

void request_key_free(RequestKey *key)
{
    free((char *)key->request);
    *key = (RequestKey){0};
}

bool create_by_key(App *app, const Request *req, Creator create, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    query_finish(req->query, &faults);
    RequestKey key = request_key(req, &faults);
    const bool ok = create(app, req, key, &faults, res, err);
    request_key_free(&key);
    return ok;
}

void respond_replayed(Response *res, bool replayed)
{
    if (replayed)
        response_header(res, "Idempotency-Replayed", "true");
}
