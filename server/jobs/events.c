#include "server/jobs/events.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/memory.h"

typedef struct {
    EventsRing ring;  // NULL: the place is free
    void *context;
} Listener;

struct Events {
    pthread_mutex_t lock;
    pthread_cond_t newer;
    int64_t last;
    bool closed;
    Listener *listeners;
    int listener_count;
};

Events *events_new(int64_t last_id)
{
    Events *events = xcalloc(1, sizeof *events);
    events->last = last_id;
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
static void ring_all(Events *events)
{
    pthread_cond_broadcast(&events->newer);
    for (int i = 0; i < events->listener_count; i++) {
        const Listener *listener = &events->listeners[i];
        if (listener->ring)
            listener->ring(listener->context);
    }
}

void events_publish(Events *events, int64_t id)
{
    pthread_mutex_lock(&events->lock);
    // Two writers may come here in another order than they came to the store.
    if (id > events->last)
        events->last = id;
    ring_all(events);
    pthread_mutex_unlock(&events->lock);
}

int64_t events_last(Events *events)
{
    pthread_mutex_lock(&events->lock);
    const int64_t last = events->last;
    pthread_mutex_unlock(&events->lock);
    return last;
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
    while (events->last <= after && !events->closed && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&events->newer, &events->lock, &until);
    const bool newer = events->last > after;
    pthread_mutex_unlock(&events->lock);
    return newer;
}

int events_listen(Events *events, EventsRing ring, void *context)
{
    pthread_mutex_lock(&events->lock);
    int place = 0;
    while (place < events->listener_count && events->listeners[place].ring)
        place++;
    if (place == events->listener_count) {
        events->listener_count++;
        events->listeners =
            xrealloc(events->listeners, (size_t)events->listener_count, sizeof *events->listeners);
    }
    events->listeners[place] = (Listener){ring, context};
    pthread_mutex_unlock(&events->lock);
    return place;
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
    ring_all(events);
    pthread_mutex_unlock(&events->lock);
}

bool events_closed(Events *events)
{
    pthread_mutex_lock(&events->lock);
    const bool closed = events->closed;
    pthread_mutex_unlock(&events->lock);
    return closed;
}
