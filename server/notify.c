#include "server/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!name || !*name || strlen(name) >= sizeof address.sun_path)
        return;
    strcpy(address.sun_path, name);
    // An abstract name has a NUL where it is written with '@', and ends with its last letter.
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    // A manager that does not listen is no reason to stop working, or to wait.
    const ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
                                (const struct sockaddr *)&address, size);
    (void)sent;
    close(fd);
}

double notify_watchdog_seconds(void)
{
    const char *time = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    if (!time || (pid && atol(pid) != (long)getpid()))
        return 0;
    return atof(time) * 1e-6;
}
