/* server/http/exchange/handler.h -- runs the handler of a request, on this thread or on another. */
#pragma once
#include "server/http/exchange/exchange.h"

/* Run the handler, here or on a thread of its own. True if x->res is the answer; false if the
 * connection is suspended and the exchange comes back later. */
bool handler_call(Exchange *x);
/* The connection was resumed: fills x->res if the handler did not. */
void handler_came_back(Exchange *x);
/* With the lock held: the connection waits no longer. */
void handler_give_up(Connection *connection);

/* Run it on this thread. */
void handler_run(const Exchange *x, Response *res);
/* Suspend the connection until a handler has answered; false: the daemon stops. */
bool handler_suspend(Exchange *x);
/* With the lock held: hand the answer over, with x->phase `phase` from now on, and bring the
 * connection back, whose client has `seconds` then (0: no deadline). False if nobody waits. */
bool handler_hand_over(Exchange *x, Response *res, ExchangePhase phase, double seconds);
