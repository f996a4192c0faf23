#include "server/base/threads/work_signal.h"

#include "core/base/clock.h"
#include "server/base/time.h"

void work_signal_init(WorkSignal *signal)
{
    *signal = (WorkSignal){.count = 1};
    pthread_mutex_init(&signal->lock, NULL);
    cond_init_monotonic(&signal->changed);
}

void work_signal_destroy(WorkSignal *signal)
{
    pthread_cond_destroy(&signal->changed);
    pthread_mutex_destroy(&signal->lock);
}

void work_signal_wake(WorkSignal *signal)
{
    pthread_mutex_lock(&signal->lock);
    signal->count++;
    pthread_cond_broadcast(&signal->changed);
    pthread_mutex_unlock(&signal->lock);
}

void work_signal_leave(WorkSignal *signal)
{
    pthread_mutex_lock(&signal->lock);
    signal->leaving = true;
    pthread_cond_broadcast(&signal->changed);
    pthread_mutex_unlock(&signal->lock);
}

bool work_signal_leaving(WorkSignal *signal)
{
    pthread_mutex_lock(&signal->lock);
    const bool leaving = signal->leaving;
    pthread_mutex_unlock(&signal->lock);
    return leaving;
}

bool work_signal_wait(WorkSignal *signal, WorkWait *wait)
{
    const struct timespec until = clock_after(wait->retry_seconds);
    int waited = 0;
    pthread_mutex_lock(&signal->lock);
    while (!signal->leaving && signal->count == wait->heard && waited == 0) {
        if (wait->failed)
            waited = pthread_cond_timedwait(&signal->changed, &signal->lock, &until);
        else
            pthread_cond_wait(&signal->changed, &signal->lock);
    }
    wait->heard = signal->count;
    const bool stay = !signal->leaving;
    pthread_mutex_unlock(&signal->lock);
    return stay;
}

bool work_wait_failed(WorkWait *wait, const Error *err)
{
    const bool before = wait->failed;
    wait->failed = err->code != ERR_NONE;
    return wait->failed && !before;
}

bool work_signal_pause(WorkSignal *signal, double seconds)
{
    const struct timespec until = clock_after(seconds);
    int waited = 0;
    pthread_mutex_lock(&signal->lock);
    while (!signal->leaving && waited == 0)
        waited = pthread_cond_timedwait(&signal->changed, &signal->lock, &until);
    const bool stay = !signal->leaving;
    pthread_mutex_unlock(&signal->lock);
    return stay;
}
