/* server/cli/interrupt.h -- Ctrl-C: the first one asks, the second one leaves. */
#pragma once

/* From now on SIGINT and SIGTERM are only noted; a second one of them ends the program at once,
 * with exit code 128 + signal. */
void interrupt_install(void);

int interrupt_signal(void);  // the signal that came; 0: none
