/* core/comm/comm.h -- the processes, called ranks, that compute one training together.
 *
 * A Comm is how a rank reaches the others; NULL is a training alone, with every function below
 * doing nothing or answering for a single rank. The transport is somebody else's: MPI's is in
 * server/mpi. It promises that what one rank sends another in a channel arrives in the order sent,
 * and ends all ranks when one of them is lost, so nothing here can fail.
 *
 * Calls that involve all ranks must be made by all of them, in the same order, from one thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

typedef enum {
    COMM_MAIN,  // all ranks begin the same messages of it at the same place of their work
    COMM_SUMS,  // they begin them in the same order, each when it can
    COMM_CHANNELS
} CommChannel;

#define COMM_ALL INT64_MAX

typedef struct {
    /* Begin to send or receive `bytes`; the memory stays as it is until that is finished. */
    void (*send)(void *context, CommChannel c, int to, const void *data, size_t bytes);
    void (*receive)(void *context, CommChannel c, int from, void *data, size_t bytes);
    /* How many parts of messages were begun in a channel so far. */
    int64_t (*begun)(void *context, CommChannel c);
    /* Wait for the first `count` of them; COMM_ALL: for all. */
    void (*finish)(void *context, CommChannel c, int64_t count);
    /* Whether those are finished. Gives whatever was begun a chance to move; never waits. */
    bool (*progress)(void *context, CommChannel c, int64_t count);
    void (*broadcast)(void *context, void *data, size_t bytes);  // rank 0's `data` to all
    int64_t (*max)(void *context, int64_t value);                // of all ranks' values
    void (*agreed_to_end)(void *context);  // a fault is known to all: each ends by itself
} CommOps;

typedef struct {
    int rank, size;  // this one, from 0; how many there are
    const CommOps *ops;
    void *context;
} Comm;

static inline int comm_rank(const Comm *c)
{
    return c ? c->rank : 0;
}

static inline int comm_size(const Comm *c)
{
    return c ? c->size : 1;
}

/* To be called now and then while one computes for long: messages go on, and the others know that
 * this rank is there. Never waits. */
void comm_progress(const Comm *comm);

/* Rank 0's `data` is everybody's. */
void comm_broadcast(const Comm *comm, void *data, size_t bytes);
/* Rank 0's text, from malloc or NULL, to all; theirs is freed. */
void comm_broadcast_text(const Comm *comm, char **text);
/* The largest and the least of all ranks' values. */
int64_t comm_max(const Comm *comm, int64_t value);
int64_t comm_min(const Comm *comm, int64_t value);
/* Item r of `items`, `bytes` each, is rank r's: everybody gets all of them. */
void comm_share(const Comm *comm, void *items, size_t bytes);

/* Everybody fails if anybody has: where `ok` is false somewhere, the fault of the lowest such rank
 * becomes *err of all, "rank 2: ..." where there are several. Its code is that rank's. */
bool comm_agree(const Comm *comm, bool ok, Error *err);
/* Compare a text of lines, "data set x" or the like. ERR_INVALID on all ranks where a line differs:
 * it says the rank, its line and that of rank 0. */
bool comm_same(const Comm *comm, const char *lines, Error *err);
