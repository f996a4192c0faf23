/* server/http/exchange/admission.h -- whether a request is let in: what headers alone decide. */
#pragma once
#include "server/http/exchange/exchange.h"

/* Find the route, and fill x->res if the request is refused. False if the connection cannot be used
 * any more: where its framing is faulty, nobody knows where the next request begins. */
bool admission_decide(Exchange *x, RequestPart part);

/* Whether there may be a body at all; false, with an answer, if not. To be asked before any of it
 * is kept: what everybody may ask for would else hold memory for strangers. */
bool admission_takes_body(Exchange *x);

/* The bytes that the body may have. */
size_t admission_body_most(const Exchange *x);
