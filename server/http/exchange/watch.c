/* DESIGN: one thread that looks after connections in the ways libmicrohttpd does not. It never
 * waits for anything but its own wake-ups.
 *
 * Deadlines    A connection whose time has run out is shut down; libmicrohttpd then finds it closed
 *              and cleans up. Its own timeout counts silence, which a client that drips bytes never
 *              trips. One that waits for a handler is answered instead: the work may take longer
 *              than the client should wait. A connection leaves the list before libmicrohttpd
 *              closes its descriptor, so a descriptor in the list is ours to shut down.
 *
 * Ends         libmicrohttpd takes a read that fills less than its buffer for an empty socket, and
 *              waits for the next edge of epoll. Where the peer's end came with those very bytes
 *              there is none, and a request that breaks off would stay until its deadline. So an
 *              end is told again, once a second.
 *
 * Streams      are woken when something has happened, when a comment is due and when their peer has
 *              left (stream.c).
 *
 * Pages        are compared with their files, on a reader's thread.
 *
 * A publisher of events only writes to an eventfd, so it is never held up.
 */
#include "server/http/exchange/watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/base/threads/thread.h"
#include "server/http/exchange/handler.h"
#include "server/http/exchange/server.h"
#include "server/http/exchange/stream.h"

enum { TICK_MS = 1000 };

typedef struct Watch {
    pthread_t thread;
    int wake_fd;
    int listener;  // of the events
    bool stop;     // under the server's lock
    Task refresh;  // of the pages
    atomic_bool refreshing;
    Pages *pages;
} Watch;

/* On the thread of whoever published an event. */
static void wake(void *context)
{
    const Watch *watch = context;
    const uint64_t one = 1;
    while (write(watch->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* ---- The thread ---- */

/* A peer that is gone for both directions; one that only ended its own may still want to hear. */
static bool is_broken(const Connection *c)
{
    struct pollfd state = {.fd = c->fd};
    return poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP)) != 0;
}

/* A peer that will send no more. What it has sent can still be read after this, which makes an edge
 * for epoll. */
static void tell_end_again(const Connection *c)
{
    struct pollfd state = {.fd = c->fd, .events = POLLRDHUP};
    if (poll(&state, 1, 0) > 0)
        shutdown(c->fd, SHUT_RD);
}

static void tell_ends_again(Http *http)
{
    for (const Connection *c = http->connections; c; c = c->next)
        if (!c->waiting && !c->answering)
            tell_end_again(c);
}

static void look_after_connections(Http *http, double now)
{
    for (Connection *c = http->connections; c; c = c->next) {
        const bool late = c->deadline > 0 && c->deadline <= now;
        if (c->waiting) {
            // Work that has begun is not taken back; the rest is not begun for nobody.
            if (late || (!c->waiting->handler_began && is_broken(c)))
                handler_give_up(c);
        } else if (late) {
            c->deadline = 0;
            streams_cut(http, c);
            shutdown(c->fd, SHUT_RDWR);
            atomic_fetch_add(&http->config.counts->cut, 1);
        }
    }
}

static void refresh_pages(Task *task)
{
    Watch *watch = task_owner(task, offsetof(Watch, refresh));
    pages_refresh(watch->pages);
    atomic_store(&watch->refreshing, false);
}

static void *run(void *context)
{
    Http *http = context;
    Watch *watch = http->watch;
    double ends_told_at = 0;
    for (;;) {
        struct pollfd wait = {.fd = watch->wake_fd, .events = POLLIN};
        const bool news = poll(&wait, 1, TICK_MS) > 0;
        uint64_t unused;
        if (news && read(watch->wake_fd, &unused, sizeof unused) < 0 && errno != EAGAIN)
            continue;
        pthread_mutex_lock(&http->lock);
        const double now = clock_seconds();
        http->news += news;
        look_after_connections(http, now);
        if (now - ends_told_at >= 1) {
            tell_ends_again(http);
            ends_told_at = now;
        }
        streams_tick(http, news, now);
        const bool stop = watch->stop;
        pthread_mutex_unlock(&http->lock);
        if (stop)
            return NULL;
        if (!news && watch->pages && !atomic_exchange(&watch->refreshing, true)
            && !handler_pool_add(http->readers, &watch->refresh, true))
            atomic_store(&watch->refreshing, false);
    }
}

bool watch_start(Http *http)
{
    Watch *watch = xcalloc(1, sizeof *watch);
    http->watch = watch;
    watch->pages = http->pages;
    watch->refresh.run = refresh_pages;
    watch->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watch->wake_fd >= 0 && thread_start(&watch->thread, run, http, "the watch", NULL)) {
        watch->listener = events_listen(http->service.events, wake, watch);
        return true;
    }
    if (watch->wake_fd >= 0)
        close(watch->wake_fd);
    free(watch);
    http->watch = NULL;
    return false;
}

void watch_stop(Http *http)
{
    Watch *watch = http->watch;
    if (!watch)
        return;
    events_unlisten(http->service.events, watch->listener);
    pthread_mutex_lock(&http->lock);
    watch->stop = true;
    pthread_mutex_unlock(&http->lock);
    wake(watch);
    pthread_join(watch->thread, NULL);
    close(watch->wake_fd);
}

bool watch_answering(Http *http)
{
    bool any = false;
    pthread_mutex_lock(&http->lock);
    for (const Connection *c = http->connections; c; c = c->next)
        any = any || c->answering;
    pthread_mutex_unlock(&http->lock);
    return any;
}
