/* DESIGN  All calls come from the main thread. Messages of a channel between two ranks have one
 * tag: MPI keeps their order. Errors of MPI end all ranks, which is its default. Whatever waits for
 * another rank does so in server/mpi/watch.c. */
#include <mpi.h>
#include <sched.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/mpi/ranks.h"
#include "server/mpi/watch.h"

enum {
    TAG_MAIN = 1,
    TAG_SUMS = 3,     // 2: server/mpi/watch.c
    PIECE = 1 << 30,  // bytes of a message: MPI counts in int
};

static const int TAGS[] = {[COMM_MAIN] = TAG_MAIN, [COMM_SUMS] = TAG_SUMS};

/* What was begun in a channel: of the requests that are kept the first `finished` are. */
typedef struct {
    MPI_Request *requests;
    int *peers;  // by request
    size_t count, finished, room;
    int64_t before;  // requests that are kept no more
} Channel;

typedef struct {
    Comm comm;
    Channel channels[COMM_CHANNELS];
    bool agreed_to_end;
    RankWatch *watch;
} Link;

static MPI_Request *next_request(Channel *c, int peer)
{
    if (c->finished == c->count) {
        c->before += (int64_t)c->count;
        c->count = c->finished = 0;
    }
    if (c->count == c->room) {
        c->room = 2 * c->room + 16;
        c->requests = xrealloc(c->requests, c->room, sizeof(MPI_Request));
        c->peers = xrealloc(c->peers, c->room, sizeof *c->peers);
    }
    c->peers[c->count] = peer;
    return &c->requests[c->count++];
}

static int piece(size_t left)
{
    return left < PIECE ? (int)left : PIECE;
}

static void send(void *context, CommChannel c, int to, const void *data, size_t bytes)
{
    Link *l = context;
    const char *from = data;
    for (size_t at = 0; at < bytes; at += PIECE)
        MPI_Isend(from + at, piece(bytes - at), MPI_BYTE, to, TAGS[c], MPI_COMM_WORLD,
                  next_request(&l->channels[c], to));
}

static void receive(void *context, CommChannel c, int from, void *data, size_t bytes)
{
    Link *l = context;
    char *to = data;
    for (size_t at = 0; at < bytes; at += PIECE)
        MPI_Irecv(to + at, piece(bytes - at), MPI_BYTE, from, TAGS[c], MPI_COMM_WORLD,
                  next_request(&l->channels[c], from));
}

static int64_t begun(void *context, CommChannel c)
{
    const Channel *channel = &((Link *)context)->channels[c];
    return channel->before + (int64_t)channel->count;
}

static void finish(void *context, CommChannel c, int64_t count)
{
    Link *l = context;
    Channel *channel = &l->channels[c];
    const int64_t wanted = (count < begun(l, c) ? count : begun(l, c)) - channel->before;
    if (wanted <= (int64_t)channel->finished)
        return;
    watch_wait(l->watch, channel->requests + channel->finished, channel->peers + channel->finished,
               (size_t)wanted - channel->finished);
    channel->finished = (size_t)wanted;
}

/* Testing a request moves all of them on. */
static void advance(Channel *c)
{
    int done = 1;
    while (c->finished < c->count && done) {
        MPI_Test(&c->requests[c->finished], &done, MPI_STATUS_IGNORE);
        c->finished += done != 0;
    }
}

static bool progress(void *context, CommChannel c, int64_t count)
{
    Link *l = context;
    for (int i = 0; i < COMM_CHANNELS; i++)
        advance(&l->channels[i]);
    watch_beat(l->watch);
    return l->channels[c].before + (int64_t)l->channels[c].finished >= count;
}

static void broadcast(void *context, void *data, size_t bytes)
{
    const Link *l = context;
    char *to = data;
    MPI_Request all;
    for (size_t at = 0; at < bytes; at += PIECE) {
        MPI_Ibcast(to + at, piece(bytes - at), MPI_BYTE, 0, MPI_COMM_WORLD, &all);
        watch_wait(l->watch, &all, NULL, 1);
    }
}

static int64_t max(void *context, int64_t value)
{
    const Link *l = context;
    int64_t most = value;
    MPI_Request all;
    MPI_Iallreduce(&value, &most, 1, MPI_INT64_T, MPI_MAX, MPI_COMM_WORLD, &all);
    watch_wait(l->watch, &all, NULL, 1);
    return most;
}

static void agreed_to_end(void *context)
{
    Link *l = context;
    l->agreed_to_end = true;
}

static const CommOps OPS = {.send = send,
                            .receive = receive,
                            .begun = begun,
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

bool ranks_available(void)
{
    return true;
}

/* Of several that MPI does not know as such, each would train all for itself. */
static bool alone(int launched, Error *err)
{
    if (launched == 1)
        return true;
    MPI_Finalize();
    return fail(err, ERR_INVALID,
                "%d ranks were started together, and MPI has joined 1 of them: this launcher does "
                "not go with the MPI of this googlenetd",
                launched);
}

bool ranks_start(Ranks *ranks, int timeout, Error *err)
{
    *ranks = (Ranks){.on_host = 1, .sharing = 1};
    int provided, rank, size;
    const int launched = ranks_launched();
    if (launched < 1)
        return true;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
        return fail(err, ERR_INVALID, "MPI cannot be started");
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size == 1)
        return alone(launched, err);
    Link *l = xcalloc(1, sizeof *l);
    l->comm = (Comm){.rank = rank, .size = size, .ops = &OPS, .context = l};
    l->watch = watch_new(timeout);
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
    if (ranks->comm) {
        Link *l = ranks->comm->context;
        watch_free(l->watch);
        for (int i = 0; i < COMM_CHANNELS; i++) {
            free(l->channels[i].requests);
            free(l->channels[i].peers);
        }
        free(l);
    }
    ranks->comm = NULL;
    MPI_Finalize();
}

bool ranks_agreed_to_end(const Ranks *ranks)
{
    const Link *l = ranks->comm ? ranks->comm->context : NULL;
    return l && l->agreed_to_end;
}
