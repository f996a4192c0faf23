#include "server/base/threads/stacks.h"

#include <pthread.h>
#include <sys/resource.h>

enum {
    THREAD_BYTES = 4 << 20,
    FIRST_LEAST = 256 << 10,  // a training on the first thread takes more than 96
};

bool stacks_prepare(Error *err)
{
    pthread_attr_t attr;
    struct rlimit limit;
    if (pthread_attr_init(&attr) == 0) {
        if (pthread_attr_setstacksize(&attr, THREAD_BYTES) == 0)
            pthread_setattr_default_np(&attr);
        pthread_attr_destroy(&attr);
    }
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= THREAD_BYTES)
        return true;
    limit.rlim_cur = limit.rlim_max < THREAD_BYTES ? limit.rlim_max : THREAD_BYTES;
    setrlimit(RLIMIT_STACK, &limit);
    return limit.rlim_cur >= FIRST_LEAST
           || fail(err, ERR_INVALID,
                   "the stack may have %llu KiB (ulimit -s), and at least %d are needed",
                   (unsigned long long)limit.rlim_cur >> 10, FIRST_LEAST >> 10);
}
