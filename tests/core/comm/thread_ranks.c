/* Messages wait in one queue for each pair of ranks. Sends copy, so they never wait; receives are
 * made good by `finish`, in the order in which they were begun. */
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
    Message *queues[THREAD_RANKS_MAX][THREAD_RANKS_MAX];  // [from][to]
    int size;
} Room;

typedef struct {
    int from;
    void *data;
    size_t bytes;
} Receive;

typedef struct {
    Room *room;
    Comm comm;
    Receive *receives;
    size_t count;
    void (*body)(const Comm *comm, void *context);
    void *context;
    pthread_t thread;
} Rank;

static void send(void *context, int to, const void *data, size_t bytes)
{
    const Rank *r = context;
    Message *m = xcalloc(1, sizeof *m + bytes);
    m->bytes = bytes;
    memcpy(m->data, data, bytes);
    pthread_mutex_lock(&r->room->mutex);
    Message **end = &r->room->queues[r->comm.rank][to];
    while (*end)
        end = &(*end)->next;
    *end = m;
    pthread_cond_broadcast(&r->room->changed);
    pthread_mutex_unlock(&r->room->mutex);
}

static void receive(void *context, int from, void *data, size_t bytes)
{
    Rank *r = context;
    r->receives = xrealloc(r->receives, r->count + 1, sizeof *r->receives);
    r->receives[r->count++] = (Receive){from, data, bytes};
}

static void finish(void *context)
{
    Rank *r = context;
    pthread_mutex_lock(&r->room->mutex);
    for (size_t i = 0; i < r->count; i++) {
        const Receive *wanted = &r->receives[i];
        Message **first = &r->room->queues[wanted->from][r->comm.rank];
        while (!*first)
            pthread_cond_wait(&r->room->changed, &r->room->mutex);
        Message *m = *first;
        *first = m->next;
        if (m->bytes != wanted->bytes)
            abort();
        memcpy(wanted->data, m->data, m->bytes);
        free(m);
    }
    r->count = 0;
    pthread_mutex_unlock(&r->room->mutex);
}

static void progress(void *context)
{
    (void)context;
}

static void broadcast(void *context, void *data, size_t bytes)
{
    Rank *r = context;
    for (int to = 1; to < r->comm.size && r->comm.rank == 0; to++)
        send(r, to, data, bytes);
    if (r->comm.rank > 0)
        receive(r, 0, data, bytes);
    finish(r);
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

static const CommOps OPS = {send, receive, finish, progress, broadcast, max, agreed_to_end};

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
        free(ranks[i].receives);
    }
    for (int a = 0; a < size; a++)
        for (int b = 0; b < size; b++)
            assert_null(room.queues[a][b]);  // nothing was sent that nobody wanted
}
