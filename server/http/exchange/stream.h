/* server/http/exchange/stream.h -- bodies of answers that are made piece by piece. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "server/http/exchange/connection.h"
#include "server/http/message/response.h"

struct MHD_Response;

/* The response that sends `stream`, which it takes, over this connection; `size` may be
 * MHD_SIZE_UNKNOWN. NULL: no memory. */
struct MHD_Response *stream_response(Http *http, Connection *connection, BodyStream stream,
                                     uint64_t size);
/* With the lock held: look again where something has happened, send comments, notice who left. */
void streams_tick(Http *http, bool news, double now);
/* With the lock held: the connection's time is up. It is not yet shut down. */
void streams_cut(Http *http, const Connection *connection);
/* With the lock held: end those of events; all of them when the server stops. */
void streams_end(Http *http);
