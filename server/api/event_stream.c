/* DESIGN. A stream reads the store from the last id it has sent, a page at a time and only when its
 * reader has taken what came before: a slow one holds nothing up and costs one page of memory. One
 * that is so slow that events it has not got are forgotten meanwhile is told so, as one that comes
 * back too late. What was not kept any more when it began, it was told of then, or never asked for.
 */
#include "server/api/event_stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/api/jobs/json_job.h"
#include "server/base/time.h"
#include "server/http/sse.h"

enum {
    PAGE = 64,    // events read at a time
    CURSOR = 48,  // bytes of a cursor as text, with the final NUL
};

typedef struct {
    App *app;
    SeriesPage page;
    int64_t oldest;  // kept when it began, or was last told that it has lost its place
    bool reset;      // to be told
    bool began, over;
} EventStream;

/* ---- Cursors ---- */

static EventCursor lost(Events *events)
{
    const EventRange range = events_range(events);
    return (EventCursor){.after = range.last, .oldest = range.oldest, .reset = true};
}

static EventCursor cursor_of_life(const char *life, int64_t after, Events *events)
{
    // Before the question whether it is known: what is forgotten after it is told of by the stream.
    const int64_t oldest = events_range(events).oldest;
    if ((after == 0 && !life) || events_cursor_known(events, life, after))
        return (EventCursor){.after = after, .oldest = oldest};
    return lost(events);
}

EventCursor event_cursor_after(int64_t after, Events *events)
{
    return cursor_of_life(NULL, after, events);
}

EventCursor event_cursor_read(const char *text, Events *events)
{
    char life[CURSOR];
    const char *dash = strrchr(text, '-');
    const char *digits = dash ? dash + 1 : text;
    const size_t count = strlen(digits);
    if (count == 0 || count > 18 || strspn(digits, "0123456789") != count
        || (dash && (size_t)(dash - text) >= sizeof life))
        return lost(events);
    snprintf(life, sizeof life, "%.*s", dash ? (int)(dash - text) : 0, text);
    return cursor_of_life(dash ? life : NULL, strtoll(digits, NULL, 10), events);
}

static void write_cursor(const EventStream *s, char text[CURSOR])
{
    snprintf(text, CURSOR, "%s-%" PRId64, events_life(jobs_notifier(s->app->jobs)), s->page.after);
}

/* ---- Frames ---- */

static void write_event(FILE *out, EventStream *s, const Event *event)
{
    char cursor[CURSOR];
    cJSON *json = event_to_json(event);
    char *data = cJSON_PrintUnformatted(json);
    s->page.after = event->id;
    write_cursor(s, cursor);
    sse_write(out, cursor, event->type, data);
    cJSON_free(data);
    cJSON_Delete(json);
}

static void write_reset(FILE *out, EventStream *s)
{
    char data[] = "{\"reason\":\"unknown_id\"}";
    const Event event = {.id = s->page.after,
                         .job_id = s->page.job_id,
                         .time = time_now_ms(),
                         .type = "reset",
                         .data = data};
    write_event(out, s, &event);
}

static void write_beginning(FILE *out, EventStream *s)
{
    char cursor[CURSOR];
    write_cursor(s, cursor);
    sse_write_start(out, cursor);
    if (s->reset)
        write_reset(out, s);
}

/* ---- The body ---- */

/* Whether events that were yet to be sent are not kept any more. Asked after they were read. */
static bool has_lost(EventStream *s)
{
    const EventRange range = events_range(jobs_notifier(s->app->jobs));
    if (range.oldest <= s->oldest || s->page.after >= range.oldest - 1)
        return false;
    s->oldest = range.oldest;
    s->page.after = range.last;
    return true;
}

/* The next events, if there are any. */
static StreamStep read_events(EventStream *s, FILE *out)
{
    EventList list;
    Error err;
    const int64_t last = events_last(jobs_notifier(s->app->jobs));
    if (last <= s->page.after)
        return STREAM_WAIT;
    if (!jobs_events(s->app->jobs, s->page, &list, &err)) {
        if (err.code == ERR_NOT_FOUND)
            return STREAM_END;  // its job was deleted, and the reader knows it
        LOG(s->app->log, LOG_WARNING, "stream_ended", log_text("reason", err.message));
        return STREAM_FAILED;
    }
    if (has_lost(s)) {
        event_list_free(&list);
        write_reset(out, s);
        return STREAM_PIECE;
    }
    for (size_t i = 0; i < list.count; i++) {
        write_event(out, s, &list.items[i]);
        s->over = s->page.job_id > 0 && strcmp(list.items[i].type, "deleted") == 0;
    }
    if (!list.has_more && last > s->page.after)
        s->page.after = last;  // none of those in between concerns this reader
    const bool any = list.count > 0;
    event_list_free(&list);
    return any ? STREAM_PIECE : STREAM_WAIT;
}

static StreamStep next_piece(void *context, char **piece, size_t *size)
{
    EventStream *s = context;
    StreamStep step = STREAM_PIECE;
    if (s->over)
        return STREAM_END;
    FILE *out = open_memstream(piece, size);
    if (!out)
        return STREAM_FAILED;
    if (s->began)
        step = read_events(s, out);
    else
        write_beginning(out, s);
    s->began = true;
    if (fclose(out) != 0)
        step = STREAM_FAILED;
    if (step != STREAM_PIECE) {
        free(*piece);
        *piece = NULL;
        *size = 0;
    }
    return step;
}

static void free_stream(void *context)
{
    EventStream *s = context;
    atomic_fetch_sub(&s->app->counts->streams, 1);
    free(s);
}

bool respond_event_stream(App *app, int64_t job, EventCursor cursor, Response *res)
{
    if (atomic_fetch_add(&app->counts->streams, 1) >= app->max_streams) {
        atomic_fetch_sub(&app->counts->streams, 1);
        response_header(res, "Retry-After", "10");
        return respond_problem(res, 503, "too_many_streams",
                               "there are %d readers of events already", app->max_streams);
    }
    EventStream *s = xcalloc(1, sizeof *s);
    *s = (EventStream){
        .app = app,
        .page = {.job_id = job, .after = cursor.after, .limit = PAGE},
        .oldest = cursor.oldest,
        .reset = cursor.reset,
    };
    response_header(res, "X-Accel-Buffering", "no");  // a proxy must not collect it
    response_header(res, "Cache-Control", "no-cache");
    return respond_stream(
        res, "text/event-stream",
        (BodyStream){
            .next = next_piece, .free = free_stream, .context = s, .comment = SSE_COMMENT});
}
