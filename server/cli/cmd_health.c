/* googlenetd health -- ask the daemon's /readyz, for health checks where there is no HTTP client,
 * as in a container. It finds the daemon by the same settings. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "server/cli/args.h"
#include "server/cli/commands.h"
#include "server/cli/server_settings.h"

static const char ABOUT[] =
    "Ask the daemon that has these settings whether it is ready for work. Exit code 0 if\n"
    "it is; else 1, and the reason on stderr.";
static const struct timeval PATIENCE = {.tv_sec = 3};  // for each of connecting, sending, receiving

/* An address that stands for all of a machine's leads to itself. */
static bool reach(const ListenAddress *to, int *fd, Error *err)
{
    char port[8];
    struct addrinfo *found;
    const struct addrinfo how = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                 .ai_socktype = SOCK_STREAM};
    if (to->port == 0)
        return fail(err, ERR_INVALID, "port 0 may be any: say where with --listen");
    snprintf(port, sizeof port, "%d", to->port);
    const int status = getaddrinfo(to->host, port, &how, &found);
    if (status != 0)
        return fail(err, ERR_INVALID, "%s: %s", to->host, gai_strerror(status));
    *fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = *fd >= 0 && setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &PATIENCE, sizeof PATIENCE) == 0
              && setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &PATIENCE, sizeof PATIENCE) == 0
              && connect(*fd, found->ai_addr, found->ai_addrlen) == 0;
    if (!ok)
        fail(err, ERR_IO, "nothing answers at %s port %d: %s", to->host, to->port, strerror(errno));
    freeaddrinfo(found);
    return ok;
}

/* The answer, whole or its beginning, as text. */
static bool ask(int fd, char *answer, size_t size, Error *err)
{
    static const char REQUEST[] =
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    size_t n = 0;
    ssize_t got = send(fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL);
    while (got > 0 && n < size - 1) {
        got = recv(fd, answer + n, size - 1 - n, 0);
        n += got > 0 ? (size_t)got : 0;
    }
    answer[n] = '\0';
    return got >= 0
           || fail(err, ERR_IO, "no answer within %d s: %s", (int)PATIENCE.tv_sec, strerror(errno));
}

static bool is_ready(const ListenAddress *address, Error *err)
{
    char answer[2048];
    int fd = -1, status = 0;
    bool ok = reach(address, &fd, err) && ask(fd, answer, sizeof answer, err);
    if (ok && (sscanf(answer, "HTTP/1.%*d %d", &status) != 1 || status != 200)) {
        const char *body = strstr(answer, "\r\n\r\n");
        const char *said = body ? body + 4 : answer;
        ok = fail(err, ERR_CONFLICT, "not ready, %d: %.*s", status, (int)strcspn(said, "\r\n"),
                  said);
    }
    if (fd >= 0)
        close(fd);
    return ok;
}

int cmd_health(int argc, char **argv)
{
    ServerConfig config;
    ListenAddress address;
    Error err = {0};
    int exit_code;
    if (!server_settings_read(argc, argv, ABOUT, &config, &exit_code))
        return exit_code;
    if (config_listen_address(config.listen, &address, &err) && is_ready(&address, &err)) {
        printf("ready\n");
        return EXIT_OK;
    }
    fprintf(stderr, "googlenetd: %s\n", err.message);
    return EXIT_FAILED;
}
