#include "server/jobs/events.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/memory.h"

typedef struct {
    EventsWake wake;  // NULL: the slot is free
    void *context;
} Listener;

struct Events {
    pthread_mutex_t lock;
    pthread_cond_t newer;
    EventRange range;
    bool closed;
    Listener *listeners;
    int listener_count;
};

Events *events_new(const EventRange *range)
{
    Events *events = xcalloc(1, sizeof *events);
    events->range = *range;
    pthread_mutex_init(&events->lock, NULL);
    // Waiting must not depend on somebody setting the wall clock.
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&events->newer, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return events;
}

void events_free(Events *events)
{
    if (!events)
        return;
    pthread_cond_destroy(&events->newer);
    pthread_mutex_destroy(&events->lock);
    free(events->listeners);
    free(events);
}

/* With the lock held. */
static void wake_all(Events *events)
{
    pthread_cond_broadcast(&events->newer);
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
    if (id > events->range.last)
        events->range.last = id;
    wake_all(events);
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

void events_pruned(Events *events, int64_t oldest)
{
    pthread_mutex_lock(&events->lock);
    if (oldest > events->range.oldest)
        events->range.oldest = oldest;
    pthread_mutex_unlock(&events->lock);
}

bool events_wait(Events *events, int64_t after, int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&events->lock);
    int waited = 0;
    while (events->range.last <= after && !events->closed && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&events->newer, &events->lock, &until);
    const bool newer = events->range.last > after;
    pthread_mutex_unlock(&events->lock);
    return newer;
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
    events->closed = true;
    wake_all(events);
    pthread_mutex_unlock(&events->lock);
}

bool events_closed(Events *events)
{
    pthread_mutex_lock(&events->lock);
    const bool closed = events->closed;
    pthread_mutex_unlock(&events->lock);
    return closed;
}
