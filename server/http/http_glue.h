/* server/http/http_glue.h -- private to http*.c: what the parts of the glue know of each other.
 *
 *     http.c           start and stop
 *     http_request.c   collects a request, finds its handler
 *     http_reply.c     turns a Response into libmicrohttpd's
 *     http_watch.c     the watching thread: deadlines of connections, wakes streams
 */
#pragma once
#include <stdarg.h>

#include "server/http/http.h"
#include "server/http/pages.h"

struct MHD_Connection;
struct MHD_Response;
struct sockaddr;

enum { HTTP_ADDRESS = 48 };  // bytes of an address as text, with the final NUL

typedef struct Watch Watch;

/* A TCP connection, from accept to close. */
typedef struct Connection {
    struct Connection *previous, *next;
    int fd;
    char address[HTTP_ADDRESS];
    double deadline;   // monotonic seconds at which it is cut off; 0: never
    double opened_at;  // its age decides who has to go when there are too many
    bool answering;    // a whole request is there, and its answer is not yet sent
} Connection;

struct Http {
    HttpConfig config;  // with the usual values filled in
    Pages *pages;
    struct MHD_Daemon *daemon;
    Watch *watch;
    atomic_size_t body_bytes;  // of all requests being received
};

/* --- http_watch.c --- */
Watch *watch_new(Http *http);
void watch_end_streams(Watch *watch);  // every stream ends, present and future ones
bool watch_answering(Watch *watch);    // is any answer under way?
void watch_stop(Watch *watch);         // ends the thread; connections may still leave after it
void watch_free(Watch *watch);         // no connection is left; takes NULL

/* A connection came; NULL if it must be closed at once. Makes room where there are too many. */
Connection *watch_enter(Watch *watch, int fd, const struct sockaddr *address);
void watch_leave(Watch *watch, Connection *connection);
/* From now on `seconds` remain; 0: no deadline. */
void watch_deadline(Watch *watch, Connection *connection, double seconds, bool answering);

/* The response that sends `stream`, which it takes, over this connection. NULL: no memory. */
struct MHD_Response *watch_stream(Watch *watch, struct MHD_Connection *connection,
                                  Connection *state, Stream stream);

/* --- http_reply.c --- */

/* Send `res`, whose parts are taken. Adds what every answer bears; answers 304 where the client's
 * copy is still good. False if the connection must be closed. */
bool reply_send(Http *http, struct MHD_Connection *connection, Connection *state, const char *id,
                Response *res, int *status, bool close);

/* --- http_request.c: libmicrohttpd's callbacks, with `cls` the Http --- */
void *request_begin(void *cls, const char *uri, struct MHD_Connection *connection);
int request_handle(void *cls, struct MHD_Connection *connection, const char *url,
                   const char *method, const char *upload, size_t *upload_size, void **context);
void request_end(Http *http, struct MHD_Connection *connection, void *context);

Connection *connection_state(struct MHD_Connection *connection);
