/* server/http/http_glue.h -- private to http*.c: what the parts of the glue know of each other.
 *
 *     http.c           start and stop
 *     http_request.c   receives a request and decides what its headers alone can decide
 *     http_handler.c   runs its handler, on this thread or on another
 *     http_body.c      bodies that go to a sink piece by piece
 *     http_reply.c     turns a Response into libmicrohttpd's
 *     http_stream.c    bodies that are made piece by piece
 *     http_watch.c     the watching thread: deadlines of connections, wakes streams
 *
 * `lock` guards connections, streams and the phases of exchanges. libmicrohttpd is called under it
 * only to suspend and resume, and never calls us while it holds locks of its own that those need.
 */
#pragma once
#include <pthread.h>
#include <stdint.h>

#include "server/http/handler_pool.h"
#include "server/http/http.h"
#include "server/http/pages.h"

struct MHD_Connection;
struct MHD_Response;
struct sockaddr;

enum {
    HTTP_ADDRESS = 48,  // bytes of an address as text, with the final NUL
    URI_MAX = 2048,
    FIELDS_MAX = 32 << 10,      // of header_list_size()
    REQUEST_ID = 65,            // bytes of a request's id, with the final NUL
    SLOWEST_READER = 16 << 10,  // bytes a second that a client must take of an answer, on the whole
};

typedef struct Watch Watch;
typedef struct PulledBody PulledBody;
typedef struct SinkBody SinkBody;
typedef struct Exchange Exchange;

/* A TCP connection, from accept to close. */
typedef struct Connection {
    struct Connection *previous, *next;
    struct MHD_Connection *mhd;
    int fd;
    char address[HTTP_ADDRESS];
    double deadline;    // monotonic seconds at which it is cut off; 0: never
    double opened_at;   // its age decides who has to go when there are too many
    bool answering;     // a whole request is there, and its answer is not yet sent
    bool bringing;      // a body for a sink: has its own least rate
    Exchange *waiting;  // suspended until a handler has answered this
} Connection;

struct Http {
    HttpConfig config;  // with the defaults filled in
    HttpService service;
    int listen_fd;  // -1 once libmicrohttpd has it
    Pages *pages;
    struct MHD_Daemon *daemon;
    HandlerPool *readers, *writers, *sinks, *predictors;
    Watch *watch;
    atomic_size_t body_bytes;  // of all requests being received

    pthread_mutex_t lock;
    Connection *connections;
    int connection_count;
    PulledBody *bodies;  // being sent
    uint64_t news;       // counts what has happened: streams that wait have to look again
    bool ending;         // streams of events end
    bool stopping;       // nothing is suspended any more
};

typedef enum {
    EXCHANGE_RECEIVING,
    EXCHANGE_WAITING,   // suspended; a handler has it
    EXCHANGE_ANSWERED,  // resumed with an answer
    EXCHANGE_GIVEN_UP,  // resumed without one
} ExchangePhase;

/* A request and its answer. The connection and the handler hold it together: a handler that is too
 * slow goes on with it when the connection has been answered, or has gone. */
struct Exchange {
    atomic_int holders;
    Http *http;
    Task task;
    // The request, which does not change once it is whole.
    char uri[URI_MAX];  // its path, cut at the "?"
    const char *query;  // behind the "?", or NULL
    char host[256];     // of a target that names one ("GET http://host/path"); else ""
    bool uri_too_long;
    bool target_is_plain;
    const char *target_end;  // in libmicrohttpd's buffer, which stays until the headers are there
    bool seen;               // the headers are there
    char id[REQUEST_ID];
    char method[16];
    HeaderList headers;
    RouteMatch match;
    Access access;
    char params[REQUEST_PARAMS][REQUEST_PARAM];
    char *body;
    size_t body_size, body_room;
    size_t dropped;  // bytes of a refused body
    SinkBody *sink;  // of a route with BODY_STREAM
    double began_at;
    // The answer.
    Connection *connection;
    Response res;  // with a status once it is decided
    int status;    // sent
    ExchangePhase phase;
    bool handler_began;
};

/* A piece of the request's body, or its end. */
typedef struct {
    const char *method, *version, *upload;
    size_t *upload_size;
} RequestPart;

/* --- http_watch.c --- */
bool watch_start(Http *http);
void watch_stop(Http *http);       // ends the thread; connections may still leave after it
bool watch_answering(Http *http);  // is any answer under way?

/* A connection came; NULL if it must be closed at once. Makes room where there are too many. */
Connection *connection_enter(Http *http, struct MHD_Connection *mhd, int fd,
                             const struct sockaddr *address);
void connection_leave(Http *http, Connection *connection);
/* From now on `seconds` remain; 0: no deadline. */
void connection_deadline(Http *http, Connection *connection, double seconds, bool answering);
/* It brings a body for a sink, and is not pushed out by others. */
void connection_bringing(Http *http, Connection *connection, bool bringing);
Connection *connection_state(struct MHD_Connection *connection);

/* --- http_stream.c --- */

/* The response that sends `stream`, which it takes, over this connection; `size` may be
 * MHD_SIZE_UNKNOWN. NULL: no memory. */
struct MHD_Response *stream_response(Http *http, Connection *connection, BodyStream stream,
                                     uint64_t size);
/* With the lock held: look again where something has happened, send comments, notice who left. */
void streams_tick(Http *http, bool news, double now);
/* With the lock held: the connection's time is up. */
void streams_cut(Http *http, const Connection *connection);
/* With the lock held: end those of events; all of them when the server stops. */
void streams_end(Http *http);

/* --- http_handler.c --- */

/* Run the handler, here or on a thread of its own. True if x->res is the answer; false if the
 * connection is suspended and the exchange comes back later. */
bool handler_call(Exchange *x);
/* The connection was resumed: fills x->res if the handler did not. */
void handler_came_back(Exchange *x);
/* With the lock held: the connection waits no longer. */
void handler_give_up(Connection *connection);
void exchange_release(Exchange *x);

/* Run it on this thread. */
void handler_run(const Exchange *x, Response *res);
/* Suspend the connection until a handler has answered; false: the daemon stops. */
bool handler_suspend(Exchange *x);
/* With the lock held: hand the answer over, with x->phase `phase` from now on, and bring the
 * connection back, whose client has `seconds` then (0: no deadline). False if nobody waits. */
bool handler_hand_over(Exchange *x, Response *res, ExchangePhase phase, double seconds);

/* --- http_body.c --- */

enum { DROP_MAX = 8 << 20 };  // of a refused body; after it the connection is closed

/* The headers are there, and have been refused or not. False if the connection must be closed. */
bool body_open(Exchange *x);
/* What comes after them. The same. */
bool body_handle(Exchange *x, RequestPart part);
/* The exchange is over. */
void body_end(Exchange *x);
void body_free(Exchange *x);

/* --- http_reply.c --- */

/* Send x->res in the middle of a body, which libmicrohttpd does not do: it knows nothing of it, so
 * that the connection has to be closed. */
void reply_send_early(Exchange *x);

/* Send x->res, whose parts are taken. Adds what every answer bears; answers 304 where the client's
 * copy is still good. False if the connection must be closed. */
bool reply_send(Exchange *x, bool close);

/* --- http_request.c: libmicrohttpd's callbacks, with `cls` the Http --- */
void *request_begin(void *cls, const char *uri, struct MHD_Connection *connection);
bool request_handle(Exchange *x, RequestPart part);  // false if the connection must be closed
void request_end(Exchange *x);
