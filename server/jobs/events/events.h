/* server/jobs/events/events.h -- notifies those who listen for something to happen.
 *
 * Events stand in the store, numbered from 1 without end; readers fetch them from there with the
 * last number they have seen (jobs_events), so a slow reader holds nobody up and misses nothing.
 * This is only the notifier: it knows which numbers there are and wakes readers when there is a new
 * one. All its calls answer from memory, without waiting for the store.
 *
 * An event's `data` is a JSON object; by type:
 *     created     {"status":"queued"}
 *     status      {"status","previous","stop_reason"|null,"error":{"code","message"}|null}
 *     point       {"step","epoch","loss","accuracy","learning_rate","seconds"}: a row of the curve;
 *                 "epoch" is a real number there, 1.5 being the middle of the second
 *     epoch       a row of the epochs, with the names of the API
 *     checkpoint  {"checkpoint":"step_4690","step","epoch","bytes","best":bool}
 *     resumed     {"step"}: training goes on from here. Points and epochs beyond this step were
 *                 taken back and will come again: a reader drops those it has.
 *     initialized {"taken":[names],"new":[{"name","reason"}]}: the parameters that came from the
 *                 model that it starts from, and those that did not
 *     updated     {"name","metadata"}
 *     deleted     {}
 *     dataset     {"dataset_id","name","metadata","status","previous"|null,
 *                 "progress":{"done","total"},"error"}: of no job
 *     evaluation  {"evaluation_id","name","metadata","job_id"|null,"model"|null,"status",
 *                 "previous"|null,"progress":{"done","total"},"error"}: of no job's own events
 *     note        {"message"}: something worth knowing, in words
 *     model       {"model_id","name","action","version"}: of no job; action created, version_added,
 *                 version_deleted, updated, evaluated or deleted
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/store/rows.h"

typedef struct Events Events;

/* Takes the list of lives. */
Events *events_new(EventRange range, LifeList lives);
void events_free(Events *events);  // takes NULL; nobody may listen any more

/* Event `id` and all before it are in the store. Any thread. */
void events_publish(Events *events, int64_t id);
int64_t events_last(Events *events);
EventRange events_range(Events *events);
/* The present life's id: a reader comes back with it and the last event's id. Never changes. */
const char *events_life(const Events *events);
/* Whether a reader that saw event `id` in that life misses nothing if it goes on from there. Life
 * NULL: it did not say which. False: it has to begin anew. */
bool events_cursor_known(Events *events, const char *life, int64_t id);
/* Events before `oldest` are not kept any more; 0: no news. */
void events_pruned(Events *events, int64_t oldest);

/* `wake` is called on the publishing thread after each publish; it must be quick and must not call
 * events_*: write to an eventfd, say. Returns a handle for events_unlisten, after whose return it
 * is not called any more. */
typedef void (*EventsWake)(void *context);
int events_listen(Events *events, EventsWake wake, void *context);
void events_unlisten(Events *events, int handle);

/* Call the listeners once more, without an event: the daemon is leaving. */
void events_close(Events *events);
