/* server/http/http.h -- the daemon's HTTP server: listen, answer, stop.
 *
 * libmicrohttpd with a few epoll threads serves the sockets. Those threads never wait: handlers
 * that look into the store or into files run on threads of their own while the connection is
 * suspended, and bodies that are long are made, or taken, piece by piece in the same way.
 * Everything that a client can make grow is bounded, and a request has so many seconds in all,
 * however steadily it drips in: libmicrohttpd's own timeout counts silence only.
 *
 * Order   http_listen before anything of the daemon is touched: a port that is taken is found out
 *         then. http_serve once the jobs are open; http_stop after the workers have ended and
 *         before jobs_close. Streams of events end when the events are closed or http_stop begins.
 */
#pragma once
#include <stdatomic.h>

#include "server/base/log.h"
#include "server/http/router.h"
#include "server/jobs/events/events.h"

typedef struct Http Http;  // a server that listens

/* Counted by the server and the streams, shown by /metrics. */
typedef struct {
    atomic_llong requests[6];  // answered, by the first digit of the status
    atomic_int connections;    // open now
    atomic_int streams;        // readers of events now
    atomic_llong cut;          // connections closed because a request took too long
    atomic_llong busy;         // requests refused because too many waited
    atomic_llong late;         // requests answered 503 because their handler took too long
    atomic_int bodies;         // streamed bodies on their way now
    atomic_llong body_bytes;   // of streamed bodies that came
} HttpCounts;

/* Pointers but `address` are borrowed until http_stop. 0 or NULL means the default, which stands
 * behind each field. */
typedef struct {
    HttpCounts *counts;           // kept here for whoever shows them
    Log *log;                     // nothing is logged
    const char *web;              // folder of the dashboard's files; no pages
    const char *token;            // none; needed beyond loopback
    const char *read_token;       // none; one that may only read
    const char *hosts;            // names, with commas between, that this daemon is called by; none
    const char *address;          // "127.0.0.1"; numeric, IPv4 or IPv6
    int port;                     // any free one, see http_port
    int threads;                  // 2
    int handlers;                 // 4 threads that read, as many that write, and as many for sinks
    int connections;              // 1024, in all
    int connections_per_address;  // 256
    int waiting;                  // 256 requests that may wait for a handler, of each kind
    size_t body_bytes;            // 1 MiB
    int predictors;               // 64 threads that wait for predictions
    size_t predict_bytes;         // 16 MiB, of a body that BODY_BYTES takes
    int bodies;                   // 16 streamed bodies at a time
    double body_bytes_per_second;  // 1024, the least that a streamed body must bring, on the whole
    double request_seconds;    // 30, from the first byte of a request to the last; as long again
                               // for its handler
    double idle_seconds;       // 60 that a connection may be silent between two requests
    double heartbeat_seconds;  // 15; a silent stream gets a comment
} HttpConfig;

/* Read the pages and listen; clients that connect wait. ERR_INVALID: the address is not a number,
 * or is beyond loopback and no token is given. ERR_IO: the address is taken or not ours, or the
 * pages cannot be read. */
bool http_listen(const HttpConfig *config, Http **http, Error *err);

int http_port(const Http *http);  // the port listened on

/* What is answered, and by whom; all borrowed until http_stop. */
typedef struct {
    const Route *routes;  // every request that is answered but for the pages
    size_t route_count;
    App *app;        // handed to the handlers
    Events *events;  // wakes the streams
    /* Adds what all answers under a path bear, refusals too; NULL: nothing. */
    void (*add_headers)(const App *app, const char *method, const char *path, Response *res);
} HttpService;

/* Answer. ERR_IO, ERR_NO_MEMORY: no threads. */
bool http_serve(Http *http, const HttpService *service, Error *err);

/* End the streams, let running answers finish for a moment, close. Takes NULL, and a server that
 * only listens. False if a handler still runs, because a disk hangs, say: it uses everything that
 * it was given, and the process has to end without freeing any of it. */
bool http_stop(Http *http);
