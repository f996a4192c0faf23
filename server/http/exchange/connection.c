/* DESIGN: the list of connections that are open, under the server's lock. Where there are too many,
 * in all or from one address, the oldest that has no whole request on its way goes: slow clients
 * push each other out and the next honest one gets in.
 */
#include "server/http/exchange/connection.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/http/exchange/server.h"

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
static bool push_out(Http *http, const char *address)
{
    Connection *oldest = NULL;
    for (Connection *c = http->connections; c; c = c->next)
        if (!c->answering && !c->bringing && c->deadline > 0
            && (!address || strcmp(c->address, address) == 0)
            && (!oldest || c->opened_at < oldest->opened_at))
            oldest = c;
    if (!oldest)
        return false;
    shutdown(oldest->fd, SHUT_RDWR);
    oldest->deadline = 0;  // on its way out
    atomic_fetch_add(&http->config.counts->cut, 1);
    return true;
}

static int count_of(const Http *http, const char *address)
{
    int n = 0;
    for (const Connection *c = http->connections; c; c = c->next)
        n += strcmp(c->address, address) == 0;
    return n;
}

Connection *connection_enter(Http *http, struct MHD_Connection *mhd, int fd,
                             const struct sockaddr *address)
{
    const HttpConfig *limits = &http->config;
    Connection *c = xcalloc(1, sizeof *c);
    c->mhd = mhd;
    c->fd = fd;
    c->opened_at = clock_seconds();
    c->deadline = c->opened_at + limits->request_seconds;
    write_address(address, c->address);

    pthread_mutex_lock(&http->lock);
    const bool room =
        (count_of(http, c->address) < limits->connections_per_address || push_out(http, c->address))
        && (http->connection_count < limits->connections || push_out(http, NULL));
    if (room) {
        c->next = http->connections;
        if (c->next)
            c->next->previous = c;
        http->connections = c;
        http->connection_count++;
        atomic_fetch_add(&http->config.counts->connections, 1);
    }
    pthread_mutex_unlock(&http->lock);
    if (!room) {
        free(c);
        return NULL;
    }
    return c;
}

void connection_leave(Http *http, Connection *c)
{
    pthread_mutex_lock(&http->lock);
    if (c->previous)
        c->previous->next = c->next;
    else
        http->connections = c->next;
    if (c->next)
        c->next->previous = c->previous;
    http->connection_count--;
    pthread_mutex_unlock(&http->lock);
    atomic_fetch_sub(&http->config.counts->connections, 1);
    free(c);
}

void connection_deadline(Http *http, Connection *c, double seconds, bool answering)
{
    pthread_mutex_lock(&http->lock);
    c->deadline = seconds > 0 ? clock_seconds() + seconds : 0;
    c->answering = answering;
    pthread_mutex_unlock(&http->lock);
}

void connection_bringing(Http *http, Connection *c, bool bringing)
{
    pthread_mutex_lock(&http->lock);
    c->bringing = bringing;
    pthread_mutex_unlock(&http->lock);
}

Connection *connection_state(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}
