/* What happened: a list, or a stream that goes on (event_stream.h). */
#include "server/api/api_common.h"
#include "server/api/event_stream.h"
#include "server/api/jobs/json_job.h"
#include "server/base/json/json_fields.h"

enum {
    LIST_DEFAULT = 100,
    LIST_MOST = 1000,
};

static bool respond_events_list(App *app, SeriesPage page, Response *res, Error *err)
{
    EventList list;
    if (!jobs_events(app->jobs, page, &list, err))
        return false;
    cJSON *data = cJSON_CreateArray(), *last = NULL;
    for (size_t i = 0; i < list.count; i++)
        cJSON_AddItemToArray(data, event_to_json(&list.items[i]));
    if (list.count)
        last = cJSON_CreateNumber((double)list.items[list.count - 1].id);
    const bool has_more = list.has_more;
    event_list_free(&list);
    cJSON *json = list_to_json(data, has_more, last);
    // Asked after the events were read: those that went in between are not said to be there.
    json_add_count(json, "complete_from", events_range(jobs_notifier(app->jobs)).oldest);
    return respond_json(res, 200, json);
}

/* Where a stream begins: Last-Event-ID overrides ?after=, because a browser that comes back still
 * has the first URI. Without either a job's events come from the first on, those of all jobs from
 * now on. */
static EventCursor read_cursor(const App *app, const Request *req, int64_t job, Faults *faults)
{
    Events *events = jobs_notifier(app->jobs);
    const int64_t start = job ? 0 : events_last(events);
    const int64_t after = query_integer(req->query, "after", start, 0, INT64_MAX, faults);
    const char *last = request_header(req, "Last-Event-ID");
    return last && *last ? event_cursor_read(last, events) : event_cursor_after(after, events);
}

static bool answer(App *app, const Request *req, int64_t job, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    SeriesPage page = {.job_id = job};
    EventCursor cursor = {0};
    bool stream;
    if (!request_accepts(req, "text/event-stream", &stream, res))
        return true;
    if (stream)
        cursor = read_cursor(app, req, job, &faults);
    else
        page.after = query_integer(req->query, "after", 0, 0, INT64_MAX, &faults);
    page.limit = (int)query_integer(req->query, "limit", LIST_DEFAULT, 1, LIST_MOST, &faults);
    query_finish(req->query, &faults);
    if (faults.count)
        return respond_faults(res, &faults);
    return stream ? respond_event_stream(app, job, cursor, res)
                  : respond_events_list(app, page, res, err);
}

bool get_events(App *app, const Request *req, Response *res, Error *err)
{
    return answer(app, req, 0, res, err);
}

bool get_job_events(App *app, const Request *req, Response *res, Error *err)
{
    int64_t id;
    return request_job(req, &id, err) && jobs_exists(app->jobs, id, err)
           && answer(app, req, id, res, err);
}
