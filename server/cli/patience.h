/* server/cli/patience.h -- threads that wait for the rest of their team soon sleep instead of
 * spinning on.
 *
 * libgomp's threads spin for long by default. Where anything else wants the cores (the daemon's own
 * HTTP threads, a second job, a neighbour), a spinning thread keeps from working just the one that
 * it waits for. Milliseconds a step of GoogLeNet on two cores, alone and beside another training:
 *
 *   spinning (default)   1055   4160
 *   1000 turns           1050   2430
 *   none (passive)       1085   2790
 *
 * libgomp reads its environment before main starts, so the program starts itself once more with
 * GOMP_SPINCOUNT=1000. Whoever has set OMP_WAIT_POLICY or GOMP_SPINCOUNT keeps what he set.
 */
#pragma once

/* First thing in main. Returns when there is nothing to change, or when starting anew failed. */
void wait_patiently(char **argv);
