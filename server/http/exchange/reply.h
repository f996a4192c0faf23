/* server/http/exchange/reply.h -- sends a Response by libmicrohttpd. */
#pragma once
#include "server/http/exchange/exchange.h"

/* Send x->res, whose parts are taken. Adds what every answer bears; answers 304 where the client's
 * copy is still good. False if the connection must be closed. */
bool reply_send(Exchange *x, bool close);

/* Send x->res in the middle of a body, which libmicrohttpd does not do: it knows nothing of it, so
 * that the connection has to be closed. */
void reply_send_early(Exchange *x);
