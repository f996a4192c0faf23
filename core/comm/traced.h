/* core/comm/traced.h -- a Comm that notes in a trace what goes through it. */
#pragma once
#include "core/base/trace.h"
#include "core/comm/comm.h"

typedef struct {
    Comm comm;  // to be used instead of `inner`
    const Comm *inner;
    Trace *trace;
    double first;                  // when the messages under way were begun
    size_t bytes;                  // sent of them
    bool underway[COMM_CHANNELS];  // there are some
} TracedComm;

/* With all ranks, whose times then count from the same moment. Both are borrowed. */
void traced_comm_start(TracedComm *t, const Comm *inner, Trace *trace);

/* All ranks' spans; counts[r]: how many are rank r's, which follow those of the ranks before. Rank
 * 0's result, to be freed; NULL on the others. */
TraceSpan *traced_comm_gather(const TracedComm *t, int64_t *counts);
