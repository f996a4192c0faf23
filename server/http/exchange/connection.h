/* server/http/exchange/connection.h -- a TCP connection, from accept to close, and its deadline. */
#pragma once
#include <stdbool.h>

#include "server/http/http.h"

struct MHD_Connection;
struct sockaddr;

enum {
    HTTP_ADDRESS = 48,          // bytes of an address as text, with the final NUL
    SLOWEST_READER = 16 << 10,  // bytes a second that a client must take of an answer, on the whole
};

typedef struct Connection {
    struct Connection *previous, *next;
    struct MHD_Connection *mhd;
    int fd;
    char address[HTTP_ADDRESS];
    double deadline;           // monotonic seconds at which it is cut off; 0: never
    double opened_at;          // its age decides who has to go when there are too many
    bool answering;            // a whole request is there, and its answer is not yet sent
    bool bringing;             // a body for a sink: has its own least rate
    struct Exchange *waiting;  // suspended until a handler has answered this
} Connection;

/* A connection came; NULL if it must be closed at once. Makes room where there are too many. */
Connection *connection_enter(Http *http, struct MHD_Connection *mhd, int fd,
                             const struct sockaddr *address);
void connection_leave(Http *http, Connection *connection);
/* From now on `seconds` remain; 0: no deadline. */
void connection_deadline(Http *http, Connection *connection, double seconds, bool answering);
/* It brings a body for a sink, and is not pushed out by others. */
void connection_bringing(Http *http, Connection *connection, bool bringing);
Connection *connection_state(struct MHD_Connection *connection);
