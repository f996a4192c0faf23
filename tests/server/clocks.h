/* tests/server/clocks.h -- clocks that a test sets. It is linked with --wrap=clock_gettime. */
#pragma once
#include <stdint.h>

enum { HOUR_MS = 3600000 };

/* The time of day is the machine's and so much more. */
void clocks_shift_wall(int64_t ms);
/* CLOCK_MONOTONIC stands still there; 0: it is the machine's again. */
void clocks_hold_monotonic(int64_t ms);
