/* server/base/threads/timed_thread.h -- a thread whose end is waited for no longer than so many
 * seconds. */
#pragma once
#include "core/base/threads/thread.h"

typedef struct {
    ThreadRun *run;
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool over;
} TimedThread;

/* ERR_NO_MEMORY: as thread_start; nothing is left to do then. `t` must stay where it is. */
bool timed_thread_start(TimedThread *t, ThreadRun *run, void *context, const char *what,
                        Error *err);

/* Once it has been told to end by other means. False: it still runs, and uses what it was given. */
bool timed_thread_join(TimedThread *t, double seconds);
