/* tests/bench/hosts/pace.c -- to be preloaded: no TCP connection sends faster than $PACE bytes a
 * second. The kernel paces each connection by itself, without a queueing discipline.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/socket.h>

static int paced(int fd)
{
    const char *text = getenv("PACE");
    const unsigned long rate = text ? strtoul(text, NULL, 10) : 0;
    if (fd >= 0 && rate > 0)
        setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate);
    return fd;
}

int socket(int domain, int type, int protocol)
{
    int (*next)(int, int, int);
    *(void **)&next = dlsym(RTLD_NEXT, "socket");
    const int fd = next(domain, type, protocol);
    return domain == AF_INET ? paced(fd) : fd;
}

int accept(int listener, struct sockaddr *address, socklen_t *length)
{
    int (*next)(int, struct sockaddr *, socklen_t *);
    *(void **)&next = dlsym(RTLD_NEXT, "accept");
    return paced(next(listener, address, length));
}
