#include "server/base/threads/work_signal.h"

#include "core/base/clock.h"
#include "server/base/time.h"

void work_signal_init(WorkSignal *signal)
{
    *signal = (WorkSignal){.count = 0};
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

bool work_signal_wait(WorkSignal *signal, int64_t *seen, double seconds)
{
    const struct timespec until = clock_after(seconds);
    int waited = 0;
    pthread_mutex_lock(&signal->lock);
    while (!signal->leaving && signal->count == *seen && waited == 0) {
        if (seconds > 0)
            waited = pthread_cond_timedwait(&signal->changed, &signal->lock, &until);
        else
            pthread_cond_wait(&signal->changed, &signal->lock);
    }
    *seen = signal->count;
    const bool stay = !signal->leaving;
    pthread_mutex_unlock(&signal->lock);
    return stay;
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
