/* core/base/trace.h -- what a process did when, for a viewer of traces.
 *
 * Spans are kept in memory, TRACE_MAX at most; what comes later is counted and dropped. A NULL
 * Trace records nothing. Not thread-safe: spans come from the thread that trains.
 *
 *     const double start = trace_begin(t);
 *     ...
 *     trace_end(t, TRACE_FORWARD, start);
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { TRACE_MAX = 1 << 20 };

typedef enum {
    TRACE_LOAD,      // waits for a batch of the loader
    TRACE_FORWARD,   // and the loss
    TRACE_BACKWARD,  // of a part of a batch
    TRACE_SUM,       // finishes the sums over shards
    TRACE_UPDATE,
    TRACE_EVALUATE,
    TRACE_SEND,       // begins to send
    TRACE_WAIT,       // for other ranks
    TRACE_COLLECT,    // a broadcast or a maximum of all ranks
    TRACE_IN_FLIGHT,  // from the first message begun until all have arrived
    TRACE_KINDS,
} TraceKind;

extern const char *const TRACE_NAMES[TRACE_KINDS];

typedef struct {
    double start, seconds;  // since the trace's beginning
    int64_t bytes;
    int32_t kind;
} TraceSpan;

typedef struct {
    TraceSpan *spans;
    size_t count, room;
    int64_t dropped;
    double zero;  // clock
} Trace;

Trace *trace_new(void);
void trace_free(Trace *t);  // takes NULL
/* Times count from now on. */
void trace_reset(Trace *t);

double trace_begin(const Trace *t);
void trace_end(Trace *t, TraceKind kind, double start);
void trace_end_bytes(Trace *t, TraceKind kind, double start, size_t bytes);
