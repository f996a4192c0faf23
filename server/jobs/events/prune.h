/* server/jobs/events/prune.h -- forgets old events of what is still there (store_prune.c).
 *
 * A slice at a time, each in a transaction of a few milliseconds: trainings write in between.
 */
#pragma once
#include "server/jobs/events/events.h"
#include "server/store/store.h"

typedef struct {
    int64_t since;                 // of what was told something after this event
    bool (*go_on)(void *context);  // between two slices; false: leave the rest for another time
    void *context;
} PruneRules;

/* True once all is done; *any: something was forgotten. False: go_on said no, or the store failed;
 * it can be tried again. */
bool events_prune(Events *events, Store *store, PruneRules rules, bool *any);
