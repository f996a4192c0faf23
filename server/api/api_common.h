/* server/api/api_common.h -- helpers that several handlers use. */
#pragma once
#include "server/api/api.h"
#include "server/base/ids.h"

/* The job that the path names. ERR_NOT_FOUND if it is not a job's id. */
bool request_job(const Request *req, int64_t *id, Error *err);

/* For calls without parameters: if the query has any, answer 400 and return true. */
bool request_has_faults(const Request *req, Response *res);
/* The same for calls that act and take no body: it may be empty, or {}. */
bool request_has_input(const Request *req, Response *res);

/* Frees what `job` holds. */
bool respond_job(Response *res, int status, JobInfo *job);

/* JSON or the other `type` by Accept: false with 406 answered. *other is what the client wants. */
bool request_accepts(const Request *req, const char *type, bool *other, Response *res);

/* The request that creates this job again. */
cJSON *job_request(const JobInfo *job);

/* Whether If-Match and If-None-Match let the request change this job, as it is shown now: else
 * ERR_CONFLICT with the reason "precondition_failed", which is answered with 412. */
bool request_allows(const Request *req, const JobInfo *job, Error *err);
/* The same of anything: whether the request asks, and whether what is `shown`, which is freed, has
 * the tag that it asks for. `what` is its noun. */
bool request_is_conditional(const Request *req);
bool request_conditions_hold(const Request *req, cJSON *shown, const char *what, Error *err);

/* The version of a model that the first two parts of the path name. */
bool request_version(App *app, const Request *req, ModelVersion *version, Error *err);

/* "status=queued,running" as bits of the places in `names`; 0 if it is absent. */
unsigned query_statuses(Query *query, const char *const names[], int count, Faults *faults);
/* An id, as `parse` reads it; 0 if it is absent. `whose` is "a job's". */
int64_t query_id(Query *query, const char *name, const char *whose, IdParser parse, Faults *faults);

/* The id of the set that people brought and that has this id or this name now, whatever its state;
 * 0: there is none. False: the store fails. */
bool find_set_id(App *app, const char *id_or_name, int64_t *id, Error *err);

/* {"object":"list","data":data,"has_more":b,"last_id":id}; takes data and last_id (NULL: null). */
cJSON *list_to_json(cJSON *data, bool has_more, cJSON *last_id);

/* `after` and `limit` of a list that is whole in memory; without them all of it comes, up to
 * PAGE_MOST. */
enum { PAGE_MOST = 1000 };
typedef struct {
    const char *after;  // `key` of the last one of the page before; NULL: from the first
    int limit;
} ListPage;
ListPage query_page(Query *query, Faults *faults);
/* Answer a page of the objects `all`, which are taken; `key` is the member that tells them apart.
 * It ends the query, and answers its faults. */
bool respond_page(const Request *req, cJSON *all, const char *key, ListPage page, Faults *faults,
                  Response *res);
/* The same where the page is all that the query has. */
bool respond_whole_list(const Request *req, cJSON *all, const char *key, Response *res);

/* The client's idempotency key, which stands for the request itself, not for what it is resolved
 * to, which changes with defaults. To be given to request_key_free. */
RequestKey request_key(const Request *req, Faults *faults);
void request_key_free(RequestKey *key);
/* Answer a request that creates something, once for each key; it takes no query. */
typedef bool (*Creator)(App *app, const Request *req, RequestKey key, Faults *faults, Response *res,
                        Error *err);
bool create_by_key(App *app, const Request *req, Creator create, Response *res, Error *err);
/* Say that the answer is about what the same request has created before. */
void respond_replayed(Response *res, bool replayed);

/* Whether a row is among those that a list answers: one whose `damage` is told has only a line in
 * the log, and its fault for an answer to whoever asks for it alone. */
bool row_is_listed(const App *app, const char *damage);
