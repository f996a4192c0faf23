#include "core/base/trace.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/memory.h"

const char *const TRACE_NAMES[TRACE_KINDS] = {
    [TRACE_LOAD] = "wait for a batch",
    [TRACE_FORWARD] = "forward",
    [TRACE_BACKWARD] = "backward",
    [TRACE_SUM] = "sum of shards",
    [TRACE_UPDATE] = "update",
    [TRACE_EVALUATE] = "evaluate",
    [TRACE_SEND] = "send",
    [TRACE_WAIT] = "wait",
    [TRACE_COLLECT] = "collective",
    [TRACE_IN_FLIGHT] = "in flight",
};

Trace *trace_new(void)
{
    Trace *t = xcalloc(1, sizeof *t);
    trace_reset(t);
    return t;
}

void trace_free(Trace *t)
{
    if (!t)
        return;
    free(t->spans);
    free(t);
}

void trace_reset(Trace *t)
{
    t->count = 0;
    t->dropped = 0;
    t->zero = clock_seconds();
}

double trace_begin(const Trace *t)
{
    return t ? clock_seconds() - t->zero : 0;
}

void trace_end_bytes(Trace *t, TraceKind kind, double start, size_t bytes)
{
    if (!t)
        return;
    if (t->count == TRACE_MAX) {
        t->dropped++;
        return;
    }
    if (t->count == t->room) {
        t->room = 2 * t->room + 1024;
        t->spans = xrealloc(t->spans, t->room, sizeof *t->spans);
    }
    const double now = clock_seconds() - t->zero;
    t->spans[t->count++] = (TraceSpan){start, now - start, (int64_t)bytes, (int32_t)kind};
}

void trace_end(Trace *t, TraceKind kind, double start)
{
    trace_end_bytes(t, kind, start, 0);
}
