/* DESIGN  Signs of life are messages without content and with a tag of their own. They are counted,
 * so that at the end none is left that nobody has received, and to each rank one at most is under
 * way: a rank that is gone does not fill memory. */
#include "server/mpi/watch.h"

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"

enum {
    TAG_BEAT = 2,
    GRACE_SECONDS = 3,   // without a sign, at a second's interval
    ABORT_SECONDS = 10,  // that MPI may take to end the run
    EXIT_LOST = 1,
};
static const double BEAT_SECONDS = 1, FIRST_WORD_SECONDS = 30, BUSY_SECONDS = 0.0002;

struct RankWatch {
    int rank, size;
    double limit;
    char (*hosts)[MPI_MAX_PROCESSOR_NAME];
    double *heard;  // clock, by rank
    double *said;   // seconds of silence at which it is named next
    double beat;    // clock, of the last sign sent
    MPI_Request *beats;
    int *sent, *received;  // signs, by rank
};

static double first_word(const RankWatch *w)
{
    return w->limit > 0 ? w->limit / 20 : FIRST_WORD_SECONDS;
}

RankWatch *watch_new(double limit)
{
    RankWatch *w = xcalloc(1, sizeof *w);
    w->limit = limit;
    MPI_Comm_rank(MPI_COMM_WORLD, &w->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &w->size);
    const size_t size = (size_t)w->size;
    w->hosts = xcalloc(size, sizeof *w->hosts);
    w->heard = xcalloc(size, sizeof *w->heard);
    w->said = xcalloc(size, sizeof *w->said);
    w->beats = xcalloc(size, sizeof(MPI_Request));
    w->sent = xcalloc(size, sizeof *w->sent);
    w->received = xcalloc(size, sizeof *w->received);
    char name[MPI_MAX_PROCESSOR_NAME] = "";
    int length;
    MPI_Get_processor_name(name, &length);
    MPI_Allgather(name, sizeof name, MPI_CHAR, w->hosts, sizeof name, MPI_CHAR, MPI_COMM_WORLD);
    for (int r = 0; r < w->size; r++) {
        w->beats[r] = MPI_REQUEST_NULL;
        w->said[r] = first_word(w);
    }
    w->beat = clock_seconds();
    return w;
}

/* ---- Signs of life ---- */

static void hear(RankWatch *w)
{
    MPI_Status status;
    int there;
    while (MPI_Iprobe(MPI_ANY_SOURCE, TAG_BEAT, MPI_COMM_WORLD, &there, &status), there) {
        const int from = status.MPI_SOURCE;
        MPI_Recv(NULL, 0, MPI_BYTE, from, TAG_BEAT, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        w->received[from]++;
        w->heard[from] = clock_seconds();
        w->said[from] = first_word(w);
    }
}

void watch_beat(RankWatch *w)
{
    const double now = clock_seconds();
    if (now - w->beat < BEAT_SECONDS)
        return;
    w->beat = now;
    hear(w);
    for (int r = 0; r < w->size; r++) {
        int done = 1;
        if (r == w->rank)
            continue;
        MPI_Test(&w->beats[r], &done, MPI_STATUS_IGNORE);
        if (!done)
            continue;
        MPI_Isend(NULL, 0, MPI_BYTE, r, TAG_BEAT, MPI_COMM_WORLD, &w->beats[r]);
        w->sent[r]++;
    }
}

/* ---- Who is late ---- */

static bool is_needed(const RankWatch *w, int rank, MPI_Request *requests, const int *peers,
                      size_t count)
{
    if (!peers)
        return rank != w->rank;
    for (size_t i = 0; i < count; i++) {
        int done = 1;
        if (peers[i] == rank && requests[i] != MPI_REQUEST_NULL)
            MPI_Request_get_status(requests[i], &done, MPI_STATUS_IGNORE);
        if (!done)
            return true;
    }
    return false;
}

/* The lowest of those that are heard speaks for all. */
static bool is_speaker(const RankWatch *w, double now)
{
    for (int r = 0; r < w->rank; r++)
        if (now - w->heard[r] < GRACE_SECONDS)
            return false;
    return true;
}

/* MPI_Abort may wait for a network that is gone. */
static void end_run(const RankWatch *w, int late, double silent)
{
    if (is_speaker(w, clock_seconds()))
        fprintf(stderr,
                "googlenetd: rank %d on %s has not been heard of for %.0f s (--rank-timeout): the "
                "run ends; --resume goes on from its last checkpoint\n",
                late, w->hosts[late], silent);
    signal(SIGALRM, SIG_DFL);
    alarm(ABORT_SECONDS);
    MPI_Abort(MPI_COMM_WORLD, EXIT_LOST);
    _exit(EXIT_LOST);
}

/* Of one that has been silent since `since`. */
static void judge(RankWatch *w, int rank, double since)
{
    const double now = clock_seconds();
    const double silent = now - (w->heard[rank] > since ? w->heard[rank] : since);
    // The others leave the speaker time for its sentence.
    if (w->limit > 0 && silent >= w->limit + (is_speaker(w, now) ? 0 : GRACE_SECONDS))
        end_run(w, rank, silent);
    if (silent < w->said[rank])
        return;
    w->said[rank] = 2 * silent;
    if (is_speaker(w, now))
        fprintf(
            stderr,
            "googlenetd: rank %d on %s has not been heard of for %.0f s: the others wait for it\n",
            rank, w->hosts[rank], silent);
}

/* Longer pauses where one waits for longer: the others may use this core. */
static void doze(double waited)
{
    enum { LEAST_NS = 20000, MOST_NS = 1000000 };
    const double share = waited * 1e9 / 50;
    const struct timespec pause = {.tv_nsec = share < LEAST_NS  ? LEAST_NS
                                              : share > MOST_NS ? MOST_NS
                                                                : (long)share};
    if (waited < BUSY_SECONDS)
        sched_yield();
    else
        nanosleep(&pause, NULL);
}

void watch_wait(RankWatch *w, MPI_Request *requests, const int *peers, size_t count)
{
    const double start = clock_seconds();
    double looked = start;
    int done;
    for (int r = 0; r < w->size; r++)
        w->said[r] = first_word(w);
    while (MPI_Testall((int)count, requests, &done, MPI_STATUSES_IGNORE), !done) {
        const double now = clock_seconds();
        doze(now - start);
        watch_beat(w);
        if (now - looked < BEAT_SECONDS / 2)
            continue;
        looked = now;
        hear(w);
        for (int r = 0; r < w->size; r++)
            if (is_needed(w, r, requests, peers, count))
                judge(w, r, start);
    }
}

void watch_free(RankWatch *w)
{
    if (!w)
        return;
    MPI_Request all;
    int *theirs = xcalloc((size_t)w->size, sizeof *theirs);
    MPI_Ibarrier(MPI_COMM_WORLD, &all);
    watch_wait(w, &all, NULL, 1);
    MPI_Alltoall(w->sent, 1, MPI_INT, theirs, 1, MPI_INT, MPI_COMM_WORLD);
    for (int r = 0; r < w->size; r++)
        for (; w->received[r] < theirs[r]; w->received[r]++)
            MPI_Recv(NULL, 0, MPI_BYTE, r, TAG_BEAT, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Waitall(w->size, w->beats, MPI_STATUSES_IGNORE);
    free(theirs);
    free(w->hosts);
    free(w->heard);
    free(w->said);
    free(w->beats);
    free(w->sent);
    free(w->received);
    free(w);
}
