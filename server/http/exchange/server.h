/* server/http/exchange/server.h -- the server as the files of this room share it, and http.c, which
 * starts and stops it. A request and its answer pass through the room in this order:
 *
 *     receive.c      receives a request
 *     admission.c    decides what its headers alone can decide
 *     sink_body.c    bodies that go to a sink piece by piece
 *     handler.c      runs its handler, on this thread or on another
 *     reply.c        turns a Response into libmicrohttpd's
 *     stream.c       bodies that are made piece by piece
 *     connection.c   the connections that are open
 *     watch.c        the watching thread: deadlines of connections, wakes streams
 *
 * `lock` guards connections, streams and the phases of exchanges. libmicrohttpd is called under it
 * only to suspend and resume, and never calls us while it holds locks of its own that those need.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "server/http/exchange/connection.h"
#include "server/http/handler_pool.h"
#include "server/http/http.h"
#include "server/http/pages.h"

struct Http {
    HttpConfig config;  // with the defaults filled in
    HttpService service;
    int listen_fd;  // -1 once libmicrohttpd has it
    Pages *pages;
    struct MHD_Daemon *daemon;
    HandlerPool *readers, *writers, *sinks, *predictors;
    struct Watch *watch;
    atomic_size_t body_bytes;  // of all requests being received

    pthread_mutex_t lock;
    Connection *connections;
    int connection_count;
    struct PulledBody *bodies;  // being sent
    uint64_t news;              // counts what has happened: streams that wait have to look again
    bool ending;                // streams of events end
    bool stopping;              // nothing is suspended any more
};
