/* server/mpi/watch.h -- tells which of the ranks keeps the others waiting, and gives up on it.
 *
 * A rank that waits, or computes for long, sends every other a sign of life each second. Of whom
 * one waits for and hears nothing, is late: it was stopped, its machine or the network is gone, or
 * it computes without a chance to send one. After a twentieth of the limit, and each time twice as
 * long, the lowest of the ranks that are not late says so on standard error; at the limit it says
 * that the run ends, and all that wait end it.
 */
#pragma once
#include <mpi.h>
#include <stddef.h>

typedef struct RankWatch RankWatch;

/* `limit` in seconds; 0: wait for ever. */
RankWatch *watch_new(double limit);
void watch_free(RankWatch *w);  // with all ranks, before MPI_Finalize

/* Wait for all requests; peers[i] is whom request i needs. NULL: any rank. */
void watch_wait(RankWatch *w, MPI_Request *requests, const int *peers, size_t count);
/* A sign of life, if one is due. Never waits. */
void watch_beat(RankWatch *w);
