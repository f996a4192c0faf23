/* server/base/threads/work_signal.h -- threads wait for work, or to leave: an eventcount.
 *
 * The work itself lies elsewhere, in the store. A thread looks there, and where it finds nothing
 * waits until there was a wake-up since the last wait: none is missed that comes while it looks.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t count;  // of wake-ups
    bool leaving;
} WorkSignal;

void work_signal_init(WorkSignal *signal);
void work_signal_destroy(WorkSignal *signal);

void work_signal_wake(WorkSignal *signal);   // there may be something to do
void work_signal_leave(WorkSignal *signal);  // no more is to be done, from now on
bool work_signal_leaving(WorkSignal *signal);

/* Wait for a wake-up after those in *seen, or so many seconds if that is above 0. With *seen -1 it
 * does not wait. False: leave. */
bool work_signal_wait(WorkSignal *signal, int64_t *seen, double seconds);

/* Let so many seconds pass. False, at once: leave. */
bool work_signal_pause(WorkSignal *signal, double seconds);
