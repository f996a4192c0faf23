/* server/http/exchange/receive.h -- a request as it comes in: libmicrohttpd's callbacks. */
#pragma once
#include "server/http/exchange/exchange.h"

/* `cls` is the Http, `uri` the target as the client wrote it. Returns the Exchange. */
void *receive_begin(void *cls, const char *uri, struct MHD_Connection *connection);
/* The headers, a piece of the body, or its end. False if the connection must be closed. */
bool receive_part(Exchange *x, RequestPart part);
/* The exchange is over, or its connection has gone. */
void receive_end(Exchange *x);
