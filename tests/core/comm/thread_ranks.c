/* Messages of a channel wait in one queue for each pair of ranks. Sends copy, so they never wait;
 * receives are made good by `finish`, and as far as may be by every other call of `progress`, in
 * the order in which they were begun. */
#include "tests/core/comm/thread_ranks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"

typedef struct Message {
    size_t bytes;
    struct Message *next;
    char data[];
} Message;

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    Message *queues[COMM_CHANNELS][THREAD_RANKS_MAX][THREAD_RANKS_MAX];  // [channel][from][to]
    int size;
} Room;

typedef struct {
    int from;
    void *data;
    size_t bytes;
} Receive;

typedef struct {
    Receive *receives;
    int64_t count, finished;
} Channel;

typedef struct {
    Room *room;
    Comm comm;
    Channel channels[COMM_CHANNELS];
    int asked;  // to progress
    void (*body)(const Comm *comm, void *context);
    void *context;
    pthread_t thread;
} Rank;

static void send(void *context, CommChannel c, int to, const void *data, size_t bytes)
{
    const Rank *r = context;
    Message *m = xcalloc(1, sizeof *m + bytes);
    m->bytes = bytes;
    memcpy(m->data, data, bytes);
    pthread_mutex_lock(&r->room->mutex);
    Message **end = &r->room->queues[c][r->comm.rank][to];
    while (*end)
        end = &(*end)->next;
    *end = m;
    pthread_cond_broadcast(&r->room->changed);
    pthread_mutex_unlock(&r->room->mutex);
}

static void receive(void *context, CommChannel c, int from, void *data, size_t bytes)
{
    Rank *r = context;
    Channel *channel = &r->channels[c];
    channel->receives =
        xrealloc(channel->receives, (size_t)channel->count + 1, sizeof *channel->receives);
    channel->receives[channel->count++] = (Receive){from, data, bytes};
}

static int64_t begun(void *context, CommChannel c)
{
    const Rank *r = context;
    return r->channels[c].count;
}

/* The first `count` of a channel: all of them, or, without waiting, what has come. */
static void take(Rank *r, CommChannel c, int64_t count, bool waits)
{
    Channel *channel = &r->channels[c];
    pthread_mutex_lock(&r->room->mutex);
    for (; channel->finished < count && channel->finished < channel->count; channel->finished++) {
        const Receive *wanted = &channel->receives[channel->finished];
        Message **first = &r->room->queues[c][wanted->from][r->comm.rank];
        while (!*first && waits)
            pthread_cond_wait(&r->room->changed, &r->room->mutex);
        Message *m = *first;
        if (!m)
            break;
        *first = m->next;
        if (m->bytes != wanted->bytes)
            abort();
        memcpy(wanted->data, m->data, m->bytes);
        free(m);
    }
    pthread_mutex_unlock(&r->room->mutex);
}

static void finish(void *context, CommChannel c, int64_t count)
{
    take(context, c, count, true);
}

static bool progress(void *context, CommChannel c, int64_t count)
{
    Rank *r = context;
    const bool takes = r->asked++ % 2 == 0;
    for (int i = 0; i < COMM_CHANNELS && takes; i++)
        take(r, (CommChannel)i, COMM_ALL, false);
    return r->channels[c].finished >= count;
}

static void broadcast(void *context, void *data, size_t bytes)
{
    Rank *r = context;
    for (int to = 1; to < r->comm.size && r->comm.rank == 0; to++)
        send(r, COMM_MAIN, to, data, bytes);
    if (r->comm.rank > 0)
        receive(r, COMM_MAIN, 0, data, bytes);
    finish(r, COMM_MAIN, COMM_ALL);
}

static int64_t max(void *context, int64_t value)
{
    Rank *r = context;
    int64_t all[THREAD_RANKS_MAX] = {0}, most = value;
    all[r->comm.rank] = value;
    comm_share(&r->comm, all, sizeof *all);
    for (int i = 0; i < r->comm.size; i++)
        most = all[i] > most ? all[i] : most;
    return most;
}

static void agreed_to_end(void *context)
{
    (void)context;
}

static const CommOps OPS = {send, receive, begun, finish, progress, broadcast, max, agreed_to_end};

static void *run(void *context)
{
    Rank *r = context;
    r->body(&r->comm, r->context);
    return NULL;
}

void as_ranks(int size, void (*body)(const Comm *comm, void *context), void *context)
{
    Room room = {
        .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .size = size};
    Rank ranks[THREAD_RANKS_MAX] = {0};
    for (int i = 0; i < size; i++) {
        ranks[i] = (Rank){.room = &room, .body = body, .context = context};
        ranks[i].comm = (Comm){i, size, &OPS, &ranks[i]};
    }
    for (int i = 0; i < size; i++)
        assert_int_equal(pthread_create(&ranks[i].thread, NULL, run, &ranks[i]), 0);
    for (int i = 0; i < size; i++) {
        pthread_join(ranks[i].thread, NULL);
        for (int c = 0; c < COMM_CHANNELS; c++)
            free(ranks[i].channels[c].receives);
    }
    for (int c = 0; c < COMM_CHANNELS; c++)
        for (int a = 0; a < size; a++)
            for (int b = 0; b < size; b++)
                assert_null(room.queues[c][a][b]);  // nothing was sent that nobody wanted
}
