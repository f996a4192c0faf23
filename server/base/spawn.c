#include "server/base/spawn.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

const char *spawn_program(void)
{
    const char *script = getenv("GOOGLENETD_PROGRAM");
    return script && *script ? script : SPAWN_SELF;
}

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

int spawn_status_text(int status, char *text, size_t size)
{
    const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (code > 128 && code <= 128 + SIGRTMAX)
        return snprintf(text, size, "signal %d, %s", code - 128, strsignal(code - 128));
    return snprintf(text, size, "exit code %d", code);
}
