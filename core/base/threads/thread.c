#include "core/base/threads/thread.h"

#include <signal.h>
#include <string.h>

#include "core/base/memory.h"

bool thread_start(pthread_t *thread, ThreadRun *run, void *context, const char *what, Error *err)
{
    static const int OWN_FAULTS[] = {SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < COUNT(OWN_FAULTS); i++)
        sigdelset(&blocked, OWN_FAULTS[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    const int status = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status == 0 || fail(err, ERR_NO_MEMORY, "start %s: %s", what, strerror(status));
}
