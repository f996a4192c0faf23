#include "server/jobs/events/events.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/time.h"

typedef struct {
    EventsWake wake;  // NULL: the slot is free
    void *context;
} Listener;

struct Events {
    pthread_mutex_t lock;
    EventRange range;
    LifeList lives;
    Listener *listeners;
    int listener_count;
};

Events *events_new(EventRange range, LifeList lives)
{
    Events *events = xcalloc(1, sizeof *events);
    events->range = range;
    events->lives = lives;
    pthread_mutex_init(&events->lock, NULL);
    return events;
}

void events_free(Events *events)
{
    if (!events)
        return;
    pthread_mutex_destroy(&events->lock);
    free(events->listeners);
    life_list_free(&events->lives);
    free(events);
}

/* With the lock held. */
static void wake_all(Events *events)
{
    for (int i = 0; i < events->listener_count; i++) {
        const Listener *listener = &events->listeners[i];
        if (listener->wake)
            listener->wake(listener->context);
    }
}

void events_publish(Events *events, int64_t id)
{
    pthread_mutex_lock(&events->lock);
    // Two writers may come here in another order than they came to the store.
    if (id > events->range.last) {
        events->range.last = id;
        wake_all(events);
    }
    pthread_mutex_unlock(&events->lock);
}

int64_t events_last(Events *events)
{
    pthread_mutex_lock(&events->lock);
    const int64_t last = events->range.last;
    pthread_mutex_unlock(&events->lock);
    return last;
}

EventRange events_range(Events *events)
{
    pthread_mutex_lock(&events->lock);
    const EventRange range = events->range;
    pthread_mutex_unlock(&events->lock);
    return range;
}

const char *events_life(const Events *events)
{
    return events->lives.count > 0 ? events->lives.items[0].id : "";
}

bool events_cursor_known(Events *events, const char *life, int64_t id)
{
    const LifeList *lives = &events->lives;
    const EventRange range = events_range(events);
    int64_t end = range.last;
    for (size_t i = 0; life; i++) {
        if (i == lives->count)
            return false;
        if (strcmp(lives->items[i].id, life) == 0)
            break;
        end = lives->items[i].after_event;  // the one before it went no further
    }
    return id >= range.oldest - 1 && id <= end;
}

void events_pruned(Events *events, int64_t oldest)
{
    pthread_mutex_lock(&events->lock);
    if (oldest > events->range.oldest)
        events->range.oldest = oldest;
    pthread_mutex_unlock(&events->lock);
}

int events_listen(Events *events, EventsWake wake, void *context)
{
    pthread_mutex_lock(&events->lock);
    int slot = 0;
    while (slot < events->listener_count && events->listeners[slot].wake)
        slot++;
    if (slot == events->listener_count) {
        events->listener_count++;
        events->listeners =
            xrealloc(events->listeners, (size_t)events->listener_count, sizeof *events->listeners);
    }
    events->listeners[slot] = (Listener){wake, context};
    pthread_mutex_unlock(&events->lock);
    return slot;
}

void events_unlisten(Events *events, int handle)
{
    pthread_mutex_lock(&events->lock);
    events->listeners[handle] = (Listener){0};
    pthread_mutex_unlock(&events->lock);
}

void events_close(Events *events)
{
    pthread_mutex_lock(&events->lock);
    wake_all(events);
    pthread_mutex_unlock(&events->lock);
}
