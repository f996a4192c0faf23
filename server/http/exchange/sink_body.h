/* server/http/exchange/sink_body.h -- bodies of requests that go to a sink piece by piece. */
#pragma once
#include "server/http/exchange/exchange.h"

/* The headers are there, and have been refused or not. False if the connection must be closed. */
bool sink_body_open(Exchange *x);
/* What comes after them. The same. */
bool sink_body_receive(Exchange *x, RequestPart part);
/* The exchange is over. */
void sink_body_end(Exchange *x);
void sink_body_free(Exchange *x);
