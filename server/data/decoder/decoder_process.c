#include "server/data/decoder/decoder_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/descriptors.h"
#include "server/base/spawn.h"
#include "server/data/decoder/decoder_protocol.h"

enum { START_SECONDS = 20 };  // until the child greets

/* The only variables that a child gets: where libraries are, and what sanitizers are told. */
static void child_environment(char *environment[], size_t room)
{
    static const char *const KEPT[] = {
        "LD_LIBRARY_PATH=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=", "TSAN_OPTIONS="};
    size_t count = 0;
    for (char **entry = environ; entry && *entry; entry++)
        for (size_t i = 0; i < COUNT(KEPT); i++)
            if (strncmp(*entry, KEPT[i], strlen(KEPT[i])) == 0 && count + 1 < room)
                environment[count++] = *entry;
    environment[count] = NULL;
}

static int child_files(posix_spawn_file_actions_t *files, int socket, int memory)
{
    int fault = 0;
    for (int fd = 0; fd <= 2 && !fault; fd++)
        fault = posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_RDWR, 0);
    if (!fault)
        fault = posix_spawn_file_actions_adddup2(files, socket, DECODER_SOCKET);
    return fault ? fault : posix_spawn_file_actions_adddup2(files, memory, DECODER_MEMORY);
}

/* errno's number; 0: *child runs. */
static int spawn(const char *executable, int socket, int memory, pid_t *child)
{
    char name[] = "googlenetd", command[] = DECODER_COMMAND;
    char *const argv[] = {name, command, NULL};
    char *environment[16];
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    child_environment(environment, COUNT(environment));
    int fault = posix_spawn_file_actions_init(&files);
    if (fault)
        return fault;
    fault = posix_spawnattr_init(&how);
    if (!fault) {
        fault = child_files(&files, socket, memory);
        if (!fault)
            fault = spawn_as_leader(&how);
        if (!fault)
            fault = posix_spawn(child, executable, &files, &how, argv, environment);
        posix_spawnattr_destroy(&how);
    }
    posix_spawn_file_actions_destroy(&files);
    return fault;
}

static bool open_socket(int ends[2], Error *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(err, ERR_IO, "cannot make a socket for a decoder: %s", strerror(errno));
    ends[1] = descriptor_out_of_the_way(ends[1]);
    if (ends[1] >= 0)
        return true;
    fail(err, ERR_IO, "cannot make a socket for a decoder: %s", strerror(errno));
    close(ends[0]);
    return false;
}

int decoder_process_end(DecoderProcess *p)
{
    int status = 0;
    if (p->socket >= 0)
        close(p->socket);
    p->socket = -1;
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    p->pid = 0;
    return status;
}

/* Wait for the greeting; anything else is not our child. */
static bool await_hello(DecoderProcess *p, const char *executable, Error *err)
{
    DecoderHello hello = {0};
    struct pollfd event = {.fd = p->socket, .events = POLLIN};
    const double end = clock_seconds() + START_SECONDS;
    int ready;
    do
        ready = poll(&event, 1, (int)(1e3 * (end - clock_seconds())) + 1);
    while (ready < 0 && errno == EINTR && clock_seconds() < end);
    if (ready > 0 && recv(p->socket, &hello, sizeof hello, MSG_DONTWAIT) == sizeof hello) {
        p->walls = hello.walls;
        return true;
    }
    char how[96];
    spawn_status_text(decoder_process_end(p), how, sizeof how);
    return fail(err, ERR_IO, "%s, started to decode pictures, does not do it: %s", executable,
                ready == 0 ? "no answer" : how);
}

bool decoder_process_start(DecoderProcess *p, const char *executable, int memory, Error *err)
{
    int ends[2];
    if (!open_socket(ends, err))
        return false;
    const int fault = spawn(executable, ends[1], memory, &p->pid);
    close(ends[1]);
    p->socket = ends[0];
    if (fault) {
        p->pid = 0;
        decoder_process_end(p);
        return fail(err, ERR_IO, "cannot start %s to decode pictures: %s", executable,
                    strerror(fault));
    }
    return await_hello(p, executable, err);
}
