/* server/cli/run/interrupt.h -- signals ask a command to end; the second one ends it. */
#pragma once

enum { INTERRUPT_SECONDS = 20 };  // that an end may take

/* From now on SIGINT, SIGTERM, SIGHUP (the terminal is gone), SIGXCPU, SIGALRM, SIGUSR1 (which
 * launchers of ranks pass on, where after another they leave no time for an end) and SIGUSR2 are
 * only noted. A second SIGINT or SIGTERM, if it is not the first one's echo (SIGNAL_ECHO_MS), ends
 * the program at once, with exit code 128 + signal, and so do INTERRUPT_SECONDS after the first:
 * whatever the program waits for, it ends. A SIGINT or SIGHUP that was ignored when the program was
 * started (by nohup, or in the background of a script) stays ignored. SIGPIPE is ignored: a reader
 * that leaves is a write that fails. */
void interrupt_install(void);

int interrupt_signal(void);  // the signal that came; 0: none
