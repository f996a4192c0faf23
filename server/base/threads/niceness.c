#include "server/base/threads/niceness.h"

#include <errno.h>
#include <sys/resource.h>

void niceness_add(int steps)
{
    // On Linux it is of the calling thread alone, and inherited.
    errno = 0;
    const int nice = getpriority(PRIO_PROCESS, 0);
    if (errno == 0)
        setpriority(PRIO_PROCESS, 0, nice + steps);
}
