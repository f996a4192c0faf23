#include "server/base/threads/timed_thread.h"

#include "core/base/clock.h"
#include "server/base/time.h"

static void *run(void *context)
{
    TimedThread *t = context;
    t->run(t->context);
    pthread_mutex_lock(&t->lock);
    t->over = true;
    pthread_cond_signal(&t->ended);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static void destroy(TimedThread *t)
{
    pthread_cond_destroy(&t->ended);
    pthread_mutex_destroy(&t->lock);
}

bool timed_thread_start(TimedThread *t, ThreadRun *what_runs, void *context, const char *what,
                        Error *err)
{
    *t = (TimedThread){.run = what_runs, .context = context};
    pthread_mutex_init(&t->lock, NULL);
    cond_init_monotonic(&t->ended);
    const bool ok = thread_start(&t->thread, run, t, what, err);
    if (!ok)
        destroy(t);
    return ok;
}

bool timed_thread_join(TimedThread *t, double seconds)
{
    const struct timespec until = clock_after(seconds > 0 ? seconds : 0);
    int waited = 0;
    pthread_mutex_lock(&t->lock);
    while (!t->over && waited == 0)
        waited = pthread_cond_timedwait(&t->ended, &t->lock, &until);
    const bool over = t->over;
    pthread_mutex_unlock(&t->lock);
    if (!over)
        return false;
    pthread_join(t->thread, NULL);
    destroy(t);
    return true;
}
