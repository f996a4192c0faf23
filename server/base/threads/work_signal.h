/* server/base/threads/work_signal.h -- threads wait for work, or to leave: an eventcount.
 *
 * The work itself lies elsewhere, in the store. A thread looks there, and where it finds nothing
 * waits until there was a wake-up since the last wait: none is missed that comes while it looks.
 *
 *     WorkWait wait = {.retry_seconds = 1};
 *     while (work_signal_wait(&signal, &wait)) {
 *         Error err = {0};
 *         if (take(&piece, &err) && piece)
 *             return piece;
 *         if (work_wait_failed(&wait, &err))
 *             LOG(log, LOG_WARNING, "work_waits", log_text("error", err.message));
 *     }
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t count;  // of wake-ups, and one: who has heard of none looks at once
    bool leaving;
} WorkSignal;

void work_signal_init(WorkSignal *signal);
void work_signal_destroy(WorkSignal *signal);

void work_signal_wake(WorkSignal *signal);   // there may be something to do
void work_signal_leave(WorkSignal *signal);  // no more is to be done, from now on
bool work_signal_leaving(WorkSignal *signal);

/* One thread that looks for one piece of work. */
typedef struct {
    double retry_seconds;  // after a look that failed; the rest begins as 0
    int64_t heard;         // the signal's count before the last look
    bool failed;           // that look
} WorkWait;

/* Until it is time to look: at once, then after a wake-up, or a retry. False: leave. */
bool work_signal_wait(WorkSignal *signal, WorkWait *wait);
/* What the look came to; no error where there was nothing. True: it failed, and the one before did
 * not. A line of the log is then enough for what may last for hours. */
bool work_wait_failed(WorkWait *wait, const Error *err);

/* Let so many seconds pass. False, at once: leave. */
bool work_signal_pause(WorkSignal *signal, double seconds);
