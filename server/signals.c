#include "server/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/time.h"

struct Signals {
    pthread_mutex_t lock;
    pthread_cond_t came;
    double leave_seconds;
    int end;    // the signal that asked for it; 0: none has
    int other;  // one that came and was not yet taken; 0: none
};

static sigset_t our_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    return set;
}

static bool asks_for_end(int number)
{
    return number == SIGTERM || number == SIGINT;
}

static void die_of(int number)
{
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    signal(number, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    raise(number);
    _exit(128 + number);  // process 1, as in a container, is not killed by its own signals
}

static void take(Signals *s, int number)
{
    pthread_mutex_lock(&s->lock);
    if (asks_for_end(number))
        s->end = number;
    else
        s->other = number;
    pthread_cond_signal(&s->came);
    pthread_mutex_unlock(&s->lock);
}

static void *listen_to_signals(void *context)
{
    Signals *s = context;
    const sigset_t set = our_signals();
    double end_at = 0;
    int first = 0;
    for (;;) {
        const double left = end_at > 0 ? end_at - clock_seconds() : 3600;
        if (left <= 0)
            _exit(0);
        const struct timespec wait = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
        const int number = sigtimedwait(&set, NULL, &wait);
        if (number <= 0)
            continue;
        const double now = clock_seconds();
        if (asks_for_end(number) && end_at > 0) {
            const double since = now - (end_at - s->leave_seconds);
            if (number != first || since > SIGNAL_ECHO_MS / 1e3)
                die_of(number);
            continue;
        }
        if (asks_for_end(number)) {
            end_at = now + s->leave_seconds;
            first = number;
        }
        take(s, number);
    }
    return NULL;
}

Signals *signals_new(double leave_seconds)
{
    Signals *s = xcalloc(1, sizeof *s);
    const sigset_t set = our_signals();
    pthread_t thread;
    s->leave_seconds = leave_seconds;
    pthread_mutex_init(&s->lock, NULL);
    cond_init_monotonic(&s->came);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (pthread_create(&thread, NULL, listen_to_signals, s) != 0)
        return NULL;
    pthread_detach(thread);
    return s;
}

int signals_wait(Signals *s, int timeout_ms)
{
    const struct timespec until = clock_after(timeout_ms / 1000.0);
    pthread_mutex_lock(&s->lock);
    int waited = 0;
    while (!s->end && !s->other && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&s->came, &s->lock, &until);
    const int number = s->end ? s->end : s->other;
    s->other = 0;
    pthread_mutex_unlock(&s->lock);
    return number;
}
