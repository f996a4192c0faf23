/* DESIGN: one thread that looks after connections in the ways libmicrohttpd does not.
 *
 * Deadlines    A connection whose time has run out is shut down; libmicrohttpd then finds it closed
 *              and cleans up. Its own timeout counts silence, which a client that drips bytes never
 *              trips. A connection leaves the list before libmicrohttpd closes its descriptor, so a
 *              descriptor in the list is ours to shut down.
 * Crowding     Where there are too many connections, in all or from one address, the oldest that
 *              has no whole request on its way goes: slow clients push each other out and the next
 *              honest one gets in.
 * Streams      One with nothing to send is suspended, as libmicrohttpd wants it. Suspended ones
 *              never time out and do not notice that the peer has left: once a second this thread
 *              looks. It resumes them when the bell rings, when a heartbeat is due, when the peer
 *              has left and when the daemon ends.
 *
 * The bell only writes to an eventfd, so whoever rings is never held up. `rung` counts, and a
 * stream that is about to sleep first compares it with the count from before its last look into the
 * store: no ring is lost. One mutex guards all; libmicrohttpd is called under it only to suspend.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/http/http_glue.h"

enum {
    TICK_MS = 1000,
    WAKE_MAX = 256,  // streams resumed in one go
    STREAM_BLOCK = 16 << 10,
};

typedef struct Live {
    struct Live *previous, *next;
    Watch *watch;
    struct MHD_Connection *connection;
    Connection *state;
    Stream stream;
    double beat_at;  // when a heartbeat is due
    bool suspended;
    bool beat;
    bool gone;  // the peer has left
} Live;

struct Watch {
    Http *http;
    pthread_t thread;
    pthread_mutex_t mutex;
    int wake_fd;
    int listener;  // of the jobs' bell
    uint64_t rung;
    bool ending, stop;
    Connection *connections;
    int count;
    Live *lives;
};

/* The bell: on the thread of whoever published. */
static void ring(void *context)
{
    const Watch *watch = context;
    const uint64_t one = 1;
    while (write(watch->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* --- the thread --- */

static bool peer_left(const Live *live)
{
    char byte;
    const ssize_t n = recv(live->state->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

static void cut_late_ones(Watch *watch, double now)
{
    for (Connection *c = watch->connections; c; c = c->next) {
        if (c->deadline == 0 || c->deadline > now)
            continue;
        c->deadline = 0;
        shutdown(c->fd, SHUT_RDWR);
        atomic_fetch_add(&watch->http->config.counts->cut, 1);
    }
}

/* Mark who has to be woken, and hand out their connections. */
static int choose_sleepers(Watch *watch, bool news, double now,
                           struct MHD_Connection *chosen[WAKE_MAX])
{
    int n = 0;
    for (Live *live = watch->lives; live && n < WAKE_MAX; live = live->next) {
        if (!live->suspended)
            continue;
        live->gone = live->gone || peer_left(live);
        live->beat = now >= live->beat_at;
        if (!news && !watch->ending && !live->gone && !live->beat)
            continue;
        live->suspended = false;
        chosen[n++] = live->connection;
    }
    return n;
}

static void *run(void *context)
{
    Watch *watch = context;
    for (;;) {
        struct pollfd wait = {.fd = watch->wake_fd, .events = POLLIN};
        const bool news = poll(&wait, 1, TICK_MS) > 0;
        uint64_t unused;
        if (news && read(watch->wake_fd, &unused, sizeof unused) < 0 && errno != EAGAIN)
            continue;
        struct MHD_Connection *chosen[WAKE_MAX];
        int count;
        pthread_mutex_lock(&watch->mutex);
        watch->rung += news;
        do {
            const double now = clock_seconds();
            cut_late_ones(watch, now);
            count = choose_sleepers(watch, news, now, chosen);
            const bool stop = watch->stop;
            pthread_mutex_unlock(&watch->mutex);
            // A suspended connection stays until it is resumed, so these are all still there.
            for (int i = 0; i < count; i++)
                MHD_resume_connection(chosen[i]);
            if (stop && count == 0)
                return NULL;
            pthread_mutex_lock(&watch->mutex);
        } while (count == WAKE_MAX);
        pthread_mutex_unlock(&watch->mutex);
    }
}

Watch *watch_new(Http *http)
{
    Watch *watch = xcalloc(1, sizeof *watch);
    watch->http = http;
    watch->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&watch->mutex, NULL);
    if (watch->wake_fd < 0 || pthread_create(&watch->thread, NULL, run, watch) != 0) {
        if (watch->wake_fd >= 0)
            close(watch->wake_fd);
        pthread_mutex_destroy(&watch->mutex);
        free(watch);
        return NULL;
    }
    watch->listener = events_listen(http->config.bell, ring, watch);
    return watch;
}

void watch_end_streams(Watch *watch)
{
    pthread_mutex_lock(&watch->mutex);
    watch->ending = true;
    pthread_mutex_unlock(&watch->mutex);
    ring(watch);
}

bool watch_answering(Watch *watch)
{
    bool any = false;
    pthread_mutex_lock(&watch->mutex);
    for (const Connection *c = watch->connections; c; c = c->next)
        any = any || c->answering;
    pthread_mutex_unlock(&watch->mutex);
    return any;
}

void watch_stop(Watch *watch)
{
    events_unlisten(watch->http->config.bell, watch->listener);
    pthread_mutex_lock(&watch->mutex);
    watch->ending = watch->stop = true;
    pthread_mutex_unlock(&watch->mutex);
    ring(watch);
    pthread_join(watch->thread, NULL);
}

void watch_free(Watch *watch)
{
    if (!watch)
        return;
    close(watch->wake_fd);
    pthread_mutex_destroy(&watch->mutex);
    free(watch);
}

/* --- connections --- */

static void write_address(const struct sockaddr *address, char text[HTTP_ADDRESS])
{
    const void *bytes = address->sa_family == AF_INET6
                            ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
                            : (const void *)&((const struct sockaddr_in *)address)->sin_addr;
    if (!inet_ntop(address->sa_family, bytes, text, HTTP_ADDRESS))
        snprintf(text, HTTP_ADDRESS, "unknown");
}

/* Shut down the oldest connection (of `address`, or of any) that has no whole request under way.
 * False if all are busy. */
static bool push_out(Watch *watch, const char *address)
{
    Connection *oldest = NULL;
    for (Connection *c = watch->connections; c; c = c->next)
        if (!c->answering && c->deadline > 0 && (!address || strcmp(c->address, address) == 0)
            && (!oldest || c->opened_at < oldest->opened_at))
            oldest = c;
    if (!oldest)
        return false;
    shutdown(oldest->fd, SHUT_RDWR);
    oldest->deadline = 0;  // on its way out
    atomic_fetch_add(&watch->http->config.counts->cut, 1);
    return true;
}

static int count_of(const Watch *watch, const char *address)
{
    int n = 0;
    for (const Connection *c = watch->connections; c; c = c->next)
        n += strcmp(c->address, address) == 0;
    return n;
}

Connection *watch_enter(Watch *watch, int fd, const struct sockaddr *address)
{
    const HttpConfig *limits = &watch->http->config;
    Connection *c = xcalloc(1, sizeof *c);
    c->fd = fd;
    c->opened_at = clock_seconds();
    c->deadline = c->opened_at + limits->request_seconds;
    write_address(address, c->address);

    pthread_mutex_lock(&watch->mutex);
    const bool room = (count_of(watch, c->address) < limits->connections_per_address
                       || push_out(watch, c->address))
                      && (watch->count < limits->connections || push_out(watch, NULL));
    if (room) {
        c->next = watch->connections;
        if (c->next)
            c->next->previous = c;
        watch->connections = c;
        watch->count++;
        atomic_fetch_add(&watch->http->config.counts->connections, 1);
    }
    pthread_mutex_unlock(&watch->mutex);
    if (!room) {
        free(c);
        return NULL;
    }
    return c;
}

void watch_leave(Watch *watch, Connection *c)
{
    pthread_mutex_lock(&watch->mutex);
    if (c->previous)
        c->previous->next = c->next;
    else
        watch->connections = c->next;
    if (c->next)
        c->next->previous = c->previous;
    watch->count--;
    pthread_mutex_unlock(&watch->mutex);
    atomic_fetch_sub(&watch->http->config.counts->connections, 1);
    free(c);
}

void watch_deadline(Watch *watch, Connection *c, double seconds, bool answering)
{
    pthread_mutex_lock(&watch->mutex);
    c->deadline = seconds > 0 ? clock_seconds() + seconds : 0;
    c->answering = answering;
    pthread_mutex_unlock(&watch->mutex);
}

/* --- streams --- */

/* libmicrohttpd asks for the next bytes; what it got before has been sent. */
static ssize_t read_live(void *context, uint64_t position, char *buffer, size_t size)
{
    Live *live = context;
    Watch *watch = live->watch;
    const HttpConfig *config = &watch->http->config;
    (void)position;
    for (;;) {
        pthread_mutex_lock(&watch->mutex);
        const uint64_t rung = watch->rung;
        const bool over = watch->ending || live->gone, beat = live->beat;
        live->beat = false;
        pthread_mutex_unlock(&watch->mutex);
        const ssize_t n =
            over ? STREAM_END : live->stream.read(live->stream.context, buffer, size, beat);

        pthread_mutex_lock(&watch->mutex);
        if (n != 0) {
            // A reader that does not take this within the time of a request is cut off.
            live->state->deadline = clock_seconds() + config->request_seconds;
            live->beat_at = clock_seconds() + config->heartbeat_seconds;
            pthread_mutex_unlock(&watch->mutex);
            return n > 0 ? n : MHD_CONTENT_READER_END_OF_STREAM;
        }
        if (rung == watch->rung && !watch->ending) {
            live->state->deadline = 0;
            live->suspended = true;
            MHD_suspend_connection(live->connection);
            pthread_mutex_unlock(&watch->mutex);
            return 0;
        }
        pthread_mutex_unlock(&watch->mutex);
    }
}

static void free_live(void *context)
{
    Live *live = context;
    Watch *watch = live->watch;
    pthread_mutex_lock(&watch->mutex);
    if (live->previous)
        live->previous->next = live->next;
    else
        watch->lives = live->next;
    if (live->next)
        live->next->previous = live->previous;
    pthread_mutex_unlock(&watch->mutex);
    live->stream.free(live->stream.context);
    free(live);
}

struct MHD_Response *watch_stream(Watch *watch, struct MHD_Connection *connection,
                                  Connection *state, Stream stream)
{
    Live *live = xcalloc(1, sizeof *live);
    live->watch = watch;
    live->connection = connection;
    live->state = state;
    live->stream = stream;
    live->beat_at = clock_seconds() + watch->http->config.heartbeat_seconds;
    pthread_mutex_lock(&watch->mutex);
    live->next = watch->lives;
    if (live->next)
        live->next->previous = live;
    watch->lives = live;
    pthread_mutex_unlock(&watch->mutex);

    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_live, live, free_live);
    if (!response)
        free_live(live);
    return response;
}
