#include "server/cli/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

// A signal handler can reach nothing else.
static volatile sig_atomic_t received;

static void on_signal(int number)
{
    if (received)
        _exit(128 + number);
    received = number;
}

void interrupt_install(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int interrupt_signal(void)
{
    return received;
}
