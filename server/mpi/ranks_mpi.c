/* DESIGN  All calls come from the main thread. Messages between two ranks have one tag: MPI keeps
 * their order. Errors of MPI end all ranks, which is its default. */
#include <mpi.h>
#include <sched.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/mpi/ranks.h"

enum {
    TAG = 1,
    PIECE = 1 << 30,  // bytes of a message: MPI counts in int
};

typedef struct {
    Comm comm;
    MPI_Request *requests;
    size_t count, room;
    bool agreed_to_end;
} Link;

static MPI_Request *next_request(Link *l)
{
    if (l->count == l->room) {
        l->room = 2 * l->room + 16;
        l->requests = xrealloc(l->requests, l->room, sizeof(MPI_Request));
    }
    return &l->requests[l->count++];
}

static int piece(size_t left)
{
    return left < PIECE ? (int)left : PIECE;
}

static void send(void *context, int to, const void *data, size_t bytes)
{
    const char *from = data;
    for (size_t at = 0; at < bytes; at += PIECE)
        MPI_Isend(from + at, piece(bytes - at), MPI_BYTE, to, TAG, MPI_COMM_WORLD,
                  next_request(context));
}

static void receive(void *context, int from, void *data, size_t bytes)
{
    char *to = data;
    for (size_t at = 0; at < bytes; at += PIECE)
        MPI_Irecv(to + at, piece(bytes - at), MPI_BYTE, from, TAG, MPI_COMM_WORLD,
                  next_request(context));
}

static void finish(void *context)
{
    Link *l = context;
    MPI_Waitall((int)l->count, l->requests, MPI_STATUSES_IGNORE);
    l->count = 0;
}

static void progress(void *context)
{
    const Link *l = context;
    int done;
    MPI_Testall((int)l->count, l->requests, &done, MPI_STATUSES_IGNORE);
}

static void broadcast(void *context, void *data, size_t bytes)
{
    (void)context;
    char *to = data;
    for (size_t at = 0; at < bytes; at += PIECE)
        MPI_Bcast(to + at, piece(bytes - at), MPI_BYTE, 0, MPI_COMM_WORLD);
}

static int64_t max(void *context, int64_t value)
{
    (void)context;
    int64_t most = value;
    MPI_Allreduce(&value, &most, 1, MPI_INT64_T, MPI_MAX, MPI_COMM_WORLD);
    return most;
}

static void agreed_to_end(void *context)
{
    Link *l = context;
    l->agreed_to_end = true;
}

static const CommOps OPS = {.send = send,
                            .receive = receive,
                            .finish = finish,
                            .progress = progress,
                            .broadcast = broadcast,
                            .max = max,
                            .agreed_to_end = agreed_to_end};

/* Ranks of this machine whose CPUs and this one's have one in common. */
static void find_neighbours(Ranks *r)
{
    MPI_Comm here;
    cpu_set_t own, both;
    CPU_ZERO(&own);
    const bool known = sched_getaffinity(0, sizeof own, &own) == 0;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
    MPI_Comm_size(here, &r->on_host);
    cpu_set_t *all = xcalloc((size_t)r->on_host, sizeof *all);
    MPI_Allgather(&own, (int)sizeof own, MPI_BYTE, all, (int)sizeof own, MPI_BYTE, here);
    for (int i = 0; i < r->on_host; i++) {
        CPU_AND(&both, &own, &all[i]);
        r->sharing += CPU_COUNT(&both) > 0;
    }
    // More CPUs than a cpu_set_t has are not looked at one by one.
    if (!known)
        r->sharing = r->on_host;
    free(all);
    MPI_Comm_free(&here);
}

bool ranks_start(Ranks *ranks, Error *err)
{
    *ranks = (Ranks){.on_host = 1, .sharing = 1};
    int provided, rank, size;
    if (ranks_launched() < 1)
        return true;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
        return fail(err, ERR_INVALID, "MPI cannot be started");
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size == 1)
        return true;
    Link *l = xcalloc(1, sizeof *l);
    l->comm = (Comm){.rank = rank, .size = size, .ops = &OPS, .context = l};
    *ranks = (Ranks){.comm = &l->comm};
    find_neighbours(ranks);
    return true;
}

void ranks_end(Ranks *ranks, bool lost, int exit_code)
{
    int started;
    MPI_Initialized(&started);
    if (!started)
        return;
    if (lost && ranks->comm)
        MPI_Abort(MPI_COMM_WORLD, exit_code);
    MPI_Finalize();
    if (ranks->comm) {
        Link *l = ranks->comm->context;
        free(l->requests);
        free(l);
    }
    ranks->comm = NULL;
}

bool ranks_agreed_to_end(const Ranks *ranks)
{
    const Link *l = ranks->comm ? ranks->comm->context : NULL;
    return l && l->agreed_to_end;
}
