/* server/http/router.h -- which row of a route table answers a method and a path.
 *
 * A pattern is a path whose segments may be ":name", which takes any one segment. Segments of the
 * path are percent-decoded one by one after splitting, so that an escaped "/" stays inside its
 * segment; empty ones, "." and ".." match nothing.
 */
#pragma once
#include "server/http/message/response.h"
#include "server/http/request.h"

typedef struct App App;

/* Fill *res, or return false with *err set, which becomes a problem by its code. */
typedef bool (*Handler)(App *app, const Request *req, Response *res, Error *err);

/* Which threads run a handler. Those that serve sockets must never wait for a disk, nor compute for
 * long. Readers and writers have threads apart, so that reading goes on while a commit hangs. */
typedef enum {
    INLINE,    // the one that serves the socket: everything is in memory
    READS,     // a reader: looks into the store or into files
    WRITES,    // a writer: commits to the store
    PREDICTS,  // one that waits for a computation: many of these wait at a time
    SINKS,     // one for streamed bodies, so that a disk that is slow with them holds up no other
} RouteThread;

typedef struct {
    const char *method;
    const char *pattern;
    Handler handler;
    enum {
        BODY_NONE,
        BODY_OPTIONAL,  // JSON
        BODY_JSON,
        BODY_BYTES,   // any bytes, of a length of its own: its handler looks at their type
        BODY_STREAM,  // any bytes, to a sink: the handler is asked after the headers
    } body;
    enum {
        TOKEN,
        LOOK,  // for the read-only token too: changes nothing, though its method is not GET
        OPEN,  // answered without the token
    } access;
    RouteThread thread;
} Route;

typedef struct {
    const Route *route;  // NULL if there is none
    bool path_known;     // some row has the path, though perhaps not the method
} RouteMatch;

/* Look up `method`, HEAD meaning GET, and fill params[] from the path. */
RouteMatch router_find(const Route *routes, size_t count, const char *method, const char *path,
                       char params[REQUEST_PARAMS][REQUEST_PARAM]);

/* "GET, HEAD, OPTIONS, POST": what the path answers to, for the Allow header. */
void router_allow(const Route *routes, size_t count, const char *path, char *dst, size_t size);
