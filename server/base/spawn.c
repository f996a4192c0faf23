#include "server/base/spawn.h"

#include <signal.h>

int spawn_as_leader(posix_spawnattr_t *how)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int fault = posix_spawnattr_setpgroup(how, 0);
    if (!fault)
        fault = posix_spawnattr_setsigmask(how, &none);
    if (!fault)
        fault = posix_spawnattr_setsigdefault(how, &all);
    return fault ? fault
                 : posix_spawnattr_setflags(how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK
                                                     | POSIX_SPAWN_SETSIGDEF);
}
