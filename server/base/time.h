/* server/base/time.h -- the time of day, for what is stored and shown, and waits that do not depend
 * on it. */
#pragma once
#include <pthread.h>
#include <stdint.h>

enum { TIME_TEXT = 32 };  // bytes of a time as text, with the final NUL

/* Milliseconds since 1970, UTC; and as RFC 3339: "2026-01-31T12:00:00.000Z". */
int64_t time_now_ms(void);
void time_format(int64_t ms, char text[TIME_TEXT]);

/* A condition that is waited for until a moment of CLOCK_MONOTONIC (clock_after): nobody who sets
 * the time of day makes the wait longer. */
void cond_init_monotonic(pthread_cond_t *cond);
