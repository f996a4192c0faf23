/* server/api/event_stream.h -- events as Server-Sent Events, without end.
 *
 * A frame's id is a cursor, "<life>-<number>": a reader that comes back sends the last one as
 * Last-Event-ID and misses nothing. A life (rows.h) is a start of the daemon: after a backup was
 * restored or the data folder was emptied, numbers stand for other events than before. A reader
 * whose cursor is of a life that the store does not know, lies beyond its end or before the oldest
 * event that is kept, gets an event of type "reset" first, which says so, and then what happens
 * from now on. So does one that reads so slowly that what it has yet to get is forgotten meanwhile.
 *
 * The stream of one job ends after that job's "deleted".
 */
#pragma once
#include "server/api/app.h"

typedef struct {
    int64_t after;   // the last event that the reader has
    int64_t oldest;  // all events from here on were kept when it came
    bool reset;      // it has lost its place, and must be told
} EventCursor;

/* Where a reader with this Last-Event-ID goes on. A plain number is taken for one of this store. */
EventCursor event_cursor_read(const char *last_event_id, Events *events);
/* The same for a number that was named in the query. */
EventCursor event_cursor_after(int64_t after, Events *events);

/* 503 if there are too many readers. `job` 0: the events of all jobs. */
bool respond_event_stream(App *app, int64_t job, EventCursor cursor, Response *res);
