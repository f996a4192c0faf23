#include "server/http/exchange/exchange.h"

#include <stdlib.h>

#include "server/http/exchange/server.h"
#include "server/http/exchange/sink_body.h"

void exchange_release(Exchange *x)
{
    if (atomic_fetch_sub(&x->holders, 1) > 1)
        return;
    atomic_fetch_sub(&x->http->body_bytes, x->body_room);
    header_list_free(&x->headers);
    free(x->body);
    response_free(&x->res);
    sink_body_free(x);
    free(x);
}
