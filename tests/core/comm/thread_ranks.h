/* tests/core/comm/thread_ranks.h -- ranks that are threads of one process: a Comm without a
 * network.
 */
#pragma once
#include "core/comm/comm.h"

enum { THREAD_RANKS_MAX = 8 };

/* Runs body(comm, context) as each of `size` ranks, and waits for all. */
void as_ranks(int size, void (*body)(const Comm *comm, void *context), void *context);
