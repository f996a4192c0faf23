/* server/http/exchange/admission.h -- whether a request is let in: what its headers alone decide.
 */
#pragma once
#include "server/http/exchange/exchange.h"

/* Find the route, and fill x->res if the request is refused. False if the connection cannot be used
 * any more: where its framing is faulty, nobody knows where the next request begins. */
bool admission_decide(Exchange *x, const char *version);

/* The bytes that the body may have. */
size_t admission_body_most(const Exchange *x);
