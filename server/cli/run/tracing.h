/* server/cli/run/tracing.h -- a training's timeline, by rank, in the Chrome trace event format,
 * which chrome://tracing, ui.perfetto.dev and others show.
 *
 * A process is a rank. Its first thread is what it computed, its second what it sent and waited
 * for, its third when messages were under way. "otherData" says of rank 0 how many seconds messages
 * of gradients were under way, how many of these its backward pass went on, and how many it waited.
 */
#pragma once
#include "core/comm/traced.h"
#include "server/mpi/ranks.h"

typedef struct {
    const char *path;  // NULL: nothing is traced
    Trace *trace;
    TracedComm comm;
    Ranks ranks;  // to train with
} Tracing;

/* With all ranks. Traces if any of them is given a path. False, on all, if rank 0 cannot make the
 * file, which then is not found out after the training: as of output_file_possible. */
bool tracing_start(Tracing *t, const char *path, const Ranks *ranks, Error *err);
/* With all ranks, unless the training failed: rank 0 writes the file, whole or not at all. */
bool tracing_write(Tracing *t, Error *err);
void tracing_free(Tracing *t);
