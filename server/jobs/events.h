/* server/jobs/events.h -- wakes those who wait for something to happen.
 *
 * What happened stands in the store, numbered from 1 without end; readers pull it from there with
 * the last number they have seen (jobs_events), so a slow one holds nobody up and misses nothing.
 * This is only the bell: it knows the newest number and rings when there is a newer one.
 *
 * An event's `data` is a JSON object; by type:
 *     created     {"state":"queued"}
 *     state       {"state","previous","stop_reason"|null,"error":{"code","message"}|null}
 *     point       {"step","epoch","loss","accuracy","learning_rate"}: a row of the curve;
 *                 "epoch" is a real number there, 1.5 being the middle of the second
 *     epoch       a row of the epochs, with the names of the API
 *     checkpoint  {"checkpoint":"step_4690","step","epoch","bytes","best":bool}
 *     resumed     {"step"}: training goes on from here. Points and epochs beyond this step were
 *                 taken back and will come again: a reader drops those it has.
 *     updated     {"name","metadata"}
 *     deleted     {}
 *     note        {"message"}: something worth knowing, in words
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/store/rows.h"

typedef struct Events Events;

Events *events_new(int64_t last_id);
void events_free(Events *events);  // takes NULL; nobody may wait or listen any more

/* Event `id` and all before it are in the store. Any thread. */
void events_publish(Events *events, int64_t id);
int64_t events_last(Events *events);

/* Wait until an event after `after` is in the store, `timeout_ms` have passed or the bell is
 * closed. True if there is such an event. */
bool events_wait(Events *events, int64_t after, int timeout_ms);

/* `ring` is called on the publishing thread after each publish; it must be quick and must not call
 * events_*: write to an eventfd, say. Returns a handle for events_unlisten, after whose return the
 * ring is not called any more. */
typedef void (*EventsRing)(void *context);
int events_listen(Events *events, EventsRing ring, void *context);
void events_unlisten(Events *events, int handle);

/* Wake all who wait, now and in future: the daemon is leaving. Rings the listeners once. */
void events_close(Events *events);
bool events_closed(Events *events);
