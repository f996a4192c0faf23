#include "core/comm/traced.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

static bool is_underway(const TracedComm *t)
{
    return t->underway[COMM_MAIN] || t->underway[COMM_SUMS];
}

static void begin_flight(TracedComm *t, CommChannel c, double now)
{
    if (!is_underway(t)) {
        t->first = now;
        t->bytes = 0;
    }
    t->underway[c] = true;
}

static void send(void *context, CommChannel c, int to, const void *data, size_t bytes)
{
    TracedComm *t = context;
    const double start = trace_begin(t->trace);
    begin_flight(t, c, start);
    t->bytes += bytes;
    t->inner->ops->send(t->inner->context, c, to, data, bytes);
    trace_end_bytes(t->trace, TRACE_SEND, start, bytes);
}

static void receive(void *context, CommChannel c, int from, void *data, size_t bytes)
{
    TracedComm *t = context;
    begin_flight(t, c, trace_begin(t->trace));
    t->inner->ops->receive(t->inner->context, c, from, data, bytes);
}

static int64_t begun(void *context, CommChannel c)
{
    const TracedComm *t = context;
    return t->inner->ops->begun(t->inner->context, c);
}

static void finish(void *context, CommChannel c, int64_t count)
{
    TracedComm *t = context;
    const double start = trace_begin(t->trace);
    t->inner->ops->finish(t->inner->context, c, count);
    trace_end(t->trace, TRACE_WAIT, start);
    if (count < begun(t, c) || !t->underway[c])
        return;
    t->underway[c] = false;
    if (!is_underway(t))
        trace_end_bytes(t->trace, TRACE_IN_FLIGHT, t->first, t->bytes);
}

static bool progress(void *context, CommChannel c, int64_t count)
{
    const TracedComm *t = context;
    return t->inner->ops->progress(t->inner->context, c, count);
}

static void broadcast(void *context, void *data, size_t bytes)
{
    const TracedComm *t = context;
    const double start = trace_begin(t->trace);
    t->inner->ops->broadcast(t->inner->context, data, bytes);
    trace_end_bytes(t->trace, TRACE_COLLECT, start, bytes);
}

static int64_t max(void *context, int64_t value)
{
    const TracedComm *t = context;
    const double start = trace_begin(t->trace);
    const int64_t most = t->inner->ops->max(t->inner->context, value);
    trace_end_bytes(t->trace, TRACE_COLLECT, start, sizeof value);
    return most;
}

static void agreed_to_end(void *context)
{
    const TracedComm *t = context;
    t->inner->ops->agreed_to_end(t->inner->context);
}

static const CommOps OPS = {.send = send,
                            .receive = receive,
                            .begun = begun,
                            .finish = finish,
                            .progress = progress,
                            .broadcast = broadcast,
                            .max = max,
                            .agreed_to_end = agreed_to_end};

void traced_comm_start(TracedComm *t, const Comm *inner, Trace *trace)
{
    *t = (TracedComm){.inner = inner, .trace = trace};
    t->comm = (Comm){comm_rank(inner), comm_size(inner), &OPS, t};
    comm_max(inner, 0);
    trace_reset(trace);
}

TraceSpan *traced_comm_gather(const TracedComm *t, int64_t *counts)
{
    const Comm *c = t->inner;
    const int rank = comm_rank(c), ranks = comm_size(c);
    int64_t all = 0;
    counts[rank] = (int64_t)t->trace->count;
    comm_share(c, counts, sizeof *counts);
    for (int r = 0; r < ranks; r++)
        all += counts[r];
    TraceSpan *spans = rank == 0 ? xcalloc((size_t)all + 1, sizeof *spans) : NULL;
    if (rank == 0)
        memcpy(spans, t->trace->spans, t->trace->count * sizeof *spans);
    else
        c->ops->send(c->context, COMM_MAIN, 0, t->trace->spans, t->trace->count * sizeof *spans);
    int64_t at = counts[0];
    for (int r = 1; r < ranks && rank == 0; at += counts[r++])
        c->ops->receive(c->context, COMM_MAIN, r, spans + at, (size_t)counts[r] * sizeof *spans);
    if (ranks > 1)
        c->ops->finish(c->context, COMM_MAIN, COMM_ALL);
    return spans;
}
