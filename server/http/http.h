/* server/http/http.h -- the daemon's HTTP server: start it, stop it.
 *
 * libmicrohttpd with a few epoll threads answers every request from the job store; nothing here
 * trains or builds a net. Everything that a client can make grow is bounded, and a request has so
 * many seconds in all, however steadily it drips in: libmicrohttpd's own timeout counts silence
 * only.
 *
 * Order   http_start once the jobs are open; http_stop after the workers have ended and before
 *         jobs_close. Streams of events end when the jobs' bell is closed or http_stop begins.
 */
#pragma once
#include <stdatomic.h>

#include "server/base/log.h"
#include "server/http/router.h"
#include "server/jobs/events.h"

typedef struct Http Http;  // a running server

/* Counted by the server and the streams, shown by /metrics. */
typedef struct {
    atomic_llong requests[6];  // answered, by the first digit of the status
    atomic_int connections;    // open now
    atomic_int streams;        // readers of events now
    atomic_llong cut;          // connections closed because a request took too long
} HttpCounts;

/* Pointers but `address` are borrowed until http_stop. 0 or NULL means the usual value, which
 * stands behind each field. */
typedef struct {
    const Route *routes;          // every request that is answered
    size_t route_count;           //
    App *app;                     // handed to the handlers
    HttpCounts *counts;           // kept here for whoever shows them
    Events *bell;                 // wakes the streams
    Log *log;                     // nothing is logged
    const char *web;              // folder of the dashboard's files; no pages
    const char *token;            // none; needed beyond loopback
    const char *address;          // "127.0.0.1"; numeric, IPv4 or IPv6
    int port;                     // any free one, see http_port
    int threads;                  // 2
    int connections;              // 1024, in all
    int connections_per_address;  // 256
    size_t body_bytes;            // 1 MiB
    double request_seconds;       // 30, from the first byte of a request to the last
    double idle_seconds;          // 60 that a connection may be silent between two requests
    double heartbeat_seconds;     // 15; a silent stream gets a comment
} HttpConfig;

/* Listen and answer. ERR_INVALID: the address is not a number, or is beyond loopback and no token
 * is given; the web folder cannot be read. ERR_IO: the address is taken or not ours. */
bool http_start(const HttpConfig *config, Http **http, Error *err);

int http_port(const Http *http);  // the port listened on

/* End the streams, let running answers finish for a moment, close. Takes NULL. */
void http_stop(Http *http);
