/* server/cli/patience.h -- threads that wait for the rest of their team sleep instead of spinning.
 *
 * libgomp's threads spin by default. Where anything else wants the cores (the daemon's own HTTP threads,
 * a second job, a neighbour), a spinning thread keeps from working just the one that it waits for:
 * on two cores under load a training step took four times as long. libgomp reads its environment
 * before main starts, so the program starts itself once more with OMP_WAIT_POLICY=passive. Whoever
 * has set OMP_WAIT_POLICY or GOMP_SPINCOUNT keeps what he set.
 */
#pragma once

/* First thing in main. Returns when there is nothing to change, or when starting anew failed. */
void wait_patiently(char **argv);
