#include "server/cli/run/interrupt.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "server/signals.h"

// A signal handler can reach nothing else.
static volatile sig_atomic_t received;
static volatile double received_at;  // written before `received`, read only by this handler

static void on_signal(int number)
{
    const double now = clock_seconds();
    if (!received) {
        received_at = now;
        received = number;
        alarm(INTERRUPT_SECONDS);
        return;
    }
    // A terminal that goes away may be told twice, and SIGXCPU comes every second.
    const bool asks = number == SIGINT || number == SIGTERM;
    if (asks && now - received_at > SIGNAL_ECHO_MS / 1e3)
        _exit(128 + number);
}

/* The deadline of an end that was asked for; else a clock that whoever started the program has set
 * for it, which an exec leaves running. */
static void on_alarm(int number)
{
    if (received)
        _exit(128 + received);
    on_signal(number);
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigset_t one;
    sigfillset(&action.sa_mask);  // one at a time
    sigaction(number, &action, NULL);
    // Whoever started the program may have blocked it.
    sigemptyset(&one);
    sigaddset(&one, number);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
}

static bool is_ignored(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void interrupt_install(void)
{
    signal(SIGPIPE, SIG_IGN);
    handle(SIGALRM, on_alarm);
    handle(SIGTERM, on_signal);
    handle(SIGXCPU, on_signal);
    handle(SIGUSR1, on_signal);
    handle(SIGUSR2, on_signal);
    if (!is_ignored(SIGINT))
        handle(SIGINT, on_signal);
    if (!is_ignored(SIGHUP))
        handle(SIGHUP, on_signal);
}

int interrupt_signal(void)
{
    return received;
}
