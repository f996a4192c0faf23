/* server/signals.h -- the signals that steer the daemon, on a thread that nothing can hold up.
 *
 * SIGTERM and SIGINT ask for the end, SIGHUP, SIGUSR1 and SIGUSR2 for something else. From the
 * first that asks for the end on, the process has so many seconds: whatever blocks then, be it a
 * disk or a full pipe, the thread ends the process, with exit code 0. The second one ends it at
 * once, as if the signal had never been caught; the same signal within SIGNAL_ECHO_MS is the same
 * request once more: timeout(1) and shells send theirs to the process and to its group.
 */
#pragma once
#include <stdbool.h>

enum { SIGNAL_ECHO_MS = 200 };

typedef struct Signals Signals;

/* Call before other threads are made: they are not to receive these signals. The thread stays until
 * the process ends. NULL: it cannot be made. */
Signals *signals_new(double leave_seconds);

/* The next signal, or 0 if none comes within `timeout_ms`. Once the end was asked for, it is that
 * signal for ever. */
int signals_wait(Signals *signals, int timeout_ms);
