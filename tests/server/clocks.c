#include "tests/server/clocks.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic(int64_t) wall_shift_ms, monotonic_ms;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

void clocks_shift_wall(int64_t ms)
{
    atomic_store(&wall_shift_ms, ms);
}

void clocks_hold_monotonic(int64_t ms)
{
    atomic_store(&monotonic_ms, ms);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    const int64_t held = atomic_load(&monotonic_ms);
    const int result = __real_clock_gettime(clock, now);
    if (clock == CLOCK_REALTIME)
        now->tv_sec += (time_t)(atomic_load(&wall_shift_ms) / 1000);
    if (clock == CLOCK_MONOTONIC && held > 0)
        *now = (struct timespec){.tv_sec = (time_t)(held / 1000),
                                 .tv_nsec = (long)(held % 1000) * 1000000};
    return result;
}
