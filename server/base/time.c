#include "server/base/time.h"

#include <stdio.h>
#include <time.h>

int64_t time_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void time_format(int64_t ms, char text[TIME_TEXT])
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    const size_t len = strftime(text, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, TIME_TEXT - len, ".%03dZ", (int)(ms % 1000));
}

void cond_init_monotonic(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}
