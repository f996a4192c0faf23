/* What happened: a list, or a stream that goes on. A stream reads the store from the last id it has
 * sent, a page at a time and only when its reader has taken what came before: a slow one holds
 * nothing up and costs one page of memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/api/api_common.h"
#include "server/api/json_job.h"
#include "server/http/sse.h"

enum {
    LIST_USUAL = 100,
    LIST_MOST = 1000,
    STREAM_PAGE = 64,  // events read at a time
};

typedef struct {
    App *app;
    SeriesPage page;
    char *text;  // frames not yet taken
    size_t size, taken;
} EventStream;

static void free_stream(void *context)
{
    EventStream *s = context;
    atomic_fetch_sub(&s->app->counts->streams, 1);
    free(s->text);
    free(s);
}

/* Frames of the next events into s->text. False if the store cannot be read. */
static bool read_events(EventStream *s)
{
    EventList list;
    Error err;
    if (events_last(jobs_notifier(s->app->jobs)) <= s->page.after)
        return true;
    if (!jobs_events(s->app->jobs, s->page, &list, &err)) {
        LOG(s->app->log, LOG_WARNING, "stream_ended", log_text("reason", err.message));
        return false;
    }
    FILE *out = list.count ? open_memstream(&s->text, &s->size) : NULL;
    for (size_t i = 0; out && i < list.count; i++) {
        cJSON *json = event_to_json(&list.items[i]);
        char *data = cJSON_PrintUnformatted(json);
        sse_write(out, list.items[i].id, list.items[i].type, data);
        s->page.after = list.items[i].id;
        cJSON_free(data);
        cJSON_Delete(json);
    }
    event_list_free(&list);
    return !out || fclose(out) == 0;
}

static ssize_t read_stream(void *context, char *buffer, size_t size, bool beat)
{
    EventStream *s = context;
    if (s->taken == s->size) {
        free(s->text);
        s->text = NULL;
        s->taken = s->size = 0;
        if (!read_events(s))
            return STREAM_END;
    }
    if (s->size == 0 && beat)
        s->text = xasprintf(SSE_BEAT), s->size = strlen(SSE_BEAT);
    const size_t left = s->size - s->taken, n = left < size ? left : size;
    if (n > 0)
        memcpy(buffer, s->text + s->taken, n);
    s->taken += n;
    return (ssize_t)n;
}

static bool respond_events_stream(App *app, SeriesPage page, Response *res)
{
    if (atomic_fetch_add(&app->counts->streams, 1) >= app->max_streams) {
        atomic_fetch_sub(&app->counts->streams, 1);
        response_header(res, "Retry-After", "10");
        return respond_problem(res, 503, "too_many_streams",
                               "there are %d readers of events already", app->max_streams);
    }
    EventStream *s = xcalloc(1, sizeof *s);
    s->app = app;
    s->page = page;
    s->page.limit = STREAM_PAGE;
    FILE *out = open_memstream(&s->text, &s->size);
    if (out) {
        sse_write_start(out, page.after);
        fclose(out);
    }
    response_header(res, "X-Accel-Buffering", "no");  // a proxy must not collect it
    response_header(res, "Cache-Control", "no-store");
    return respond_stream(res, "text/event-stream",
                          (Stream){.read = read_stream, .free = free_stream, .context = s});
}

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
    return respond_json(res, 200, list_to_json(data, has_more, last));
}

/* Where a stream begins: Last-Event-ID goes before ?after=, because a browser that comes back still
 * has the first URI. Without either `usual`. */
static void read_cursor(const Request *req, int64_t usual, SeriesPage *page, Faults *faults)
{
    page->after = query_integer(req->query, "after", usual, 0, INT64_MAX, faults);
    const char *last = request_header(req, "Last-Event-ID");
    if (!last || !*last)
        return;
    char *end;
    page->after = strtoll(last, &end, 10);
    if (*end || *last < '0' || *last > '9')
        faults_add(faults, "Last-Event-ID", "must be the id of an event, got %.40s", last);
}

static bool answer(App *app, const Request *req, int64_t job, Response *res, Error *err)
{
    Faults faults = {.count = 0};
    SeriesPage page = {.job_id = job};
    bool stream;
    if (!request_accepts(req, "text/event-stream", &stream, res))
        return true;
    if (stream)
        read_cursor(req, job ? 0 : events_last(jobs_notifier(app->jobs)), &page, &faults);
    else
        page.after = query_integer(req->query, "after", 0, 0, INT64_MAX, &faults);
    page.limit = (int)query_integer(req->query, "limit", LIST_USUAL, 1, LIST_MOST, &faults);
    query_finish(req->query, &faults);
    if (faults.count)
        return respond_faults(res, &faults);
    return stream ? respond_events_stream(app, page, res)
                  : respond_events_list(app, page, res, err);
}

bool get_events(App *app, const Request *req, Response *res, Error *err)
{
    return answer(app, req, 0, res, err);
}

bool get_job_events(App *app, const Request *req, Response *res, Error *err)
{
    JobInfo job;
    int64_t id;
    if (!request_job(req, &id, err) || !jobs_get(app->jobs, id, &job, err))
        return false;
    job_info_free(&job);
    return answer(app, req, id, res, err);
}
