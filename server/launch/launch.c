#include "server/launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "server/base/descriptors.h"
#include "server/base/spawn.h"
#include "server/launch/commands.h"
#include "server/launch/guard.h"
#include "server/launch/last_words.h"
#include "server/launch/launcher.h"
#include "server/launch/line_reader.h"

enum {
    GUARD_SECONDS = 8,  // that the guard may take to end all
};

struct Launch {
    pid_t guard;
    int life;   // closed: the guard ends all
    int input;  // of rank 0; -1: closed
    char *waiting;
    size_t waiting_bytes;
    LineReader reports, said;
    LastWords words;
};

/* ---- Start ---- */

/* The guard's ends of the pipes, in the order of its descriptors, and ours. */
typedef struct {
    int theirs[GUARD_LOCK + 1];
    int ours[GUARD_LIFE + 1];
} Pipes;

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

static bool open_pipe(Pipes *p, int i, bool they_read)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    p->ours[i] = ends[they_read];
    p->theirs[i] = descriptor_out_of_the_way(ends[!they_read]);
    return p->theirs[i] >= 0 && fcntl(p->ours[i], F_SETFL, O_NONBLOCK) == 0;
}

static bool open_pipes(Pipes *p, int lock, Error *err)
{
    memset(p, -1, sizeof *p);
    if (lock >= 0)
        p->theirs[GUARD_LOCK] = descriptor_out_of_the_way(fcntl(lock, F_DUPFD_CLOEXEC, 0));
    if ((lock < 0 || p->theirs[GUARD_LOCK] >= 0) && open_pipe(p, STDIN_FILENO, true)
        && open_pipe(p, STDOUT_FILENO, false) && open_pipe(p, STDERR_FILENO, false)
        && open_pipe(p, GUARD_LIFE, true))
        return true;
    fail(err, ERR_IO, "cannot make a pipe to the ranks: %s", strerror(errno));
    close_all(p->theirs, COUNT(p->theirs));
    close_all(p->ours, COUNT(p->ours));
    return false;
}

/* All variables but the daemon's own, its tokens among them. */
static char **launcher_environment(void)
{
    static const char *const HIDDEN[] = {"GOOGLENETD_", "NOTIFY_SOCKET=", "WATCHDOG_"};
    size_t count = 0, kept = 0;
    while (environ && environ[count])
        count++;
    char **environment = xcalloc(count + 1, sizeof *environment);
    for (size_t i = 0; i < count; i++) {
        bool hidden = false;
        for (size_t j = 0; j < COUNT(HIDDEN); j++)
            hidden |= strncmp(environ[i], HIDDEN[j], strlen(HIDDEN[j])) == 0;
        if (!hidden)
            environment[kept++] = environ[i];
    }
    return environment;
}

/* errno's number; 0: the guard runs. */
static int spawn_guard(const Pipes *p, char **words, pid_t *guard)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    int fault = posix_spawn_file_actions_init(&files);
    if (fault)
        return fault;
    fault = posix_spawnattr_init(&how);
    if (!fault) {
        char **environment = launcher_environment();
        fault = spawn_as_leader(&how);
        for (int i = 0; i < (int)COUNT(p->theirs) && !fault; i++)
            if (p->theirs[i] >= 0)
                fault = posix_spawn_file_actions_adddup2(&files, p->theirs[i], i);
        if (!fault)
            fault = posix_spawn(guard, spawn_program(), &files, &how, words, environment);
        free(environment);
        posix_spawnattr_destroy(&how);
    }
    posix_spawn_file_actions_destroy(&files);
    return fault;
}

/* Where this program lies. Where its file was replaced since it was started, as by an upgrade, the
 * system marks the name; what has that name now is another file, but the program. */
static void program_path(char *program, size_t size)
{
    static const char MARK[] = " (deleted)";
    const char *script = spawn_program();
    if (strcmp(script, SPAWN_SELF) != 0) {
        snprintf(program, size, "%s", script);
        return;
    }
    const ssize_t length = readlink(SPAWN_SELF, program, size - 1);
    if (length <= 0)
        return;
    program[length] = '\0';
    char *mark = strrchr(program, ' ');
    if (mark && strcmp(mark, MARK) == 0 && access(program, F_OK) != 0)
        *mark = '\0';
}

/* The words of the guard: the program's name, its command, those of the launcher. */
static char **guard_words(const LaunchConfig *config)
{
    char program[4096] = "googlenetd";
    program_path(program, sizeof program);
    char **launcher = launcher_words(config->launcher, config->ranks, program);
    size_t count = 0;
    while (launcher[count])
        count++;
    char **words = xcalloc(count + 3, sizeof *words);
    words[0] = xstrdup("googlenetd");
    words[1] = xstrdup(GUARD_COMMAND);
    memcpy(words + 2, launcher, count * sizeof *words);
    free(launcher);
    return words;
}

bool launch_start(const LaunchConfig *config, Launch **out, Error *err)
{
    Pipes pipes;
    pid_t guard = 0;
    if (!open_pipes(&pipes, config->lock, err))
        return false;
    char **words = guard_words(config);
    const int fault = spawn_guard(&pipes, words, &guard);
    launcher_free(words);
    close_all(pipes.theirs, COUNT(pipes.theirs));
    if (fault) {
        close_all(pipes.ours, COUNT(pipes.ours));
        return fail(err, ERR_IO, "cannot start a process for the ranks: %s", strerror(fault));
    }
    Launch *l = xcalloc(1, sizeof *l);
    l->guard = guard;
    l->life = pipes.ours[GUARD_LIFE];
    l->input = pipes.ours[STDIN_FILENO];
    l->reports.fd = pipes.ours[STDOUT_FILENO];
    l->said.fd = pipes.ours[STDERR_FILENO];
    *out = l;
    return true;
}

/* ---- Lines out ---- */

static void close_input(Launch *l)
{
    if (l->input >= 0)
        close(l->input);
    l->input = -1;
    l->waiting_bytes = 0;
}

static void flush(Launch *l)
{
    while (l->waiting_bytes > 0) {
        const ssize_t sent = write(l->input, l->waiting, l->waiting_bytes);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (sent < 0) {
            close_input(l);  // nobody reads: the end is near, and will be seen
            return;
        }
        l->waiting_bytes -= (size_t)sent;
        memmove(l->waiting, l->waiting + sent, l->waiting_bytes);
    }
}

void launch_send(Launch *l, const char *line)
{
    const size_t length = strlen(line);
    if (l->input < 0)
        return;
    l->waiting = xrealloc(l->waiting, l->waiting_bytes + length + 1, 1);
    memcpy(l->waiting + l->waiting_bytes, line, length);
    l->waiting[l->waiting_bytes + length] = '\n';
    l->waiting_bytes += length + 1;
    flush(l);
}

/* ---- Lines in ---- */

void launch_remember(Launch *l, const char *line)
{
    last_words_add(&l->words, line);
}

static LaunchNews next_news(Launch *l, const char **line)
{
    if ((*line = line_reader_take(&l->said))) {
        launch_remember(l, *line);
        return LAUNCH_WORDS;
    }
    if ((*line = line_reader_take(&l->reports)))
        return LAUNCH_LINE;
    return l->reports.fd < 0 ? LAUNCH_CLOSED : LAUNCH_NOTHING;
}

LaunchNews launch_wait(Launch *l, int ms, const char **line)
{
    const double until = clock_seconds() + ms / 1e3;
    LaunchNews news;
    while ((news = next_news(l, line)) == LAUNCH_NOTHING) {
        const double left = until - clock_seconds();
        struct pollfd events[] = {{.fd = l->reports.fd, .events = POLLIN},
                                  {.fd = l->said.fd, .events = POLLIN},
                                  {.fd = l->waiting_bytes > 0 ? l->input : -1, .events = POLLOUT}};
        const int ready = poll(events, COUNT(events), left > 0 ? (int)(left * 1e3) + 1 : 0);
        if (ready > 0 && events[0].revents)
            line_reader_fill(&l->reports);
        if (ready > 0 && events[1].revents)
            line_reader_fill(&l->said);
        if (ready > 0 && events[2].revents)
            flush(l);
        if (ready <= 0 && left <= 0)
            break;
    }
    return news;
}

/* ---- The end ---- */

static void drain(Launch *l, int ms)
{
    const char *line;
    struct pollfd events[] = {{.fd = l->reports.fd, .events = POLLIN},
                              {.fd = l->said.fd, .events = POLLIN}};
    if (poll(events, COUNT(events), ms) > 0) {
        if (events[0].revents)
            line_reader_fill(&l->reports);
        if (events[1].revents)
            line_reader_fill(&l->said);
    }
    while (line_reader_take(&l->reports))
        continue;
    while ((line = line_reader_take(&l->said)))
        launch_remember(l, line);
}

/* Whether the guard has ended within so many milliseconds. */
static bool guard_ended(Launch *l, int ms, int *status)
{
    const double until = clock_seconds() + ms / 1e3;
    while (true) {
        const pid_t got = waitpid(l->guard, status, WNOHANG);
        if (got == l->guard || (got < 0 && errno != EINTR))
            return true;
        if (clock_seconds() >= until)
            return false;
        // What is said at the end is taken meanwhile.
        drain(l, 10);
    }
}

void launch_end(Launch *l, int grace_ms, char how[LAUNCH_TEXT])
{
    int status = 0;
    close_input(l);
    const bool ended = guard_ended(l, grace_ms, &status);
    close(l->life);
    if (!ended && !guard_ended(l, GUARD_SECONDS * 1000, &status)) {
        kill(l->guard, SIGKILL);
        while (waitpid(l->guard, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    for (int i = 0; i < 100 && l->said.fd >= 0; i++)
        drain(l, 0);
    last_words_tell(&l->words, how, spawn_status_text(status, how, LAUNCH_TEXT), LAUNCH_TEXT);
    line_reader_close(&l->reports);
    line_reader_close(&l->said);
    free(l->waiting);
    free(l);
}
