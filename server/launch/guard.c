#include "server/launch/guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"

enum {
    NOT_STARTED = 127,
    GRACE_MS = 2000,  // that a launcher has to end its ranks
};

typedef struct {
    pid_t launcher;
    bool ended;
    int status;  // of its wait
} Guard;

/* ---- The launcher ---- */

static void become_launcher(char **words, pid_t guard)
{
    sigset_t none;
    sigemptyset(&none);
    setpgid(0, 0);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guard)
        _exit(NOT_STARTED);
    execvp(words[0], words);
    fprintf(stderr, "googlenetd: cannot start %s: %s\n", words[0], strerror(errno));
    _exit(NOT_STARTED);
}

/* Take the ends of children, the launcher's among them. False: there are no children. */
static bool reap(Guard *g)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != g->launcher)
            continue;
        g->ended = true;
        g->status = status;
    }
    return pid == 0 || errno != ECHILD;
}

/* ---- Orphans ---- */

/* The parent of a process; 0: it is gone. */
static pid_t parent_of(const char *pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    // "12 (any) name) S 1 ...": a name may have anything in it.
    const char *end = strrchr(text, ')');
    return end && strlen(end) > 4 ? (pid_t)atoi(end + 4) : 0;
}

static void kill_children(void)
{
    DIR *all = opendir("/proc");
    if (!all)
        return;
    for (const struct dirent *entry; (entry = readdir(all));) {
        const pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid > 1 && parent_of(entry->d_name) == getpid())
            kill(pid, SIGKILL);
    }
    closedir(all);
}

/* Children of those killed become ours in turn. */
static void kill_descendants(Guard *g)
{
    while (reap(g)) {
        kill_children();
        poll(NULL, 0, 5);
    }
}

/* ---- The wait ---- */

/* Wait for a child's end, or for the daemon's where `life` is watched; `ms` -1: as long as it
 * takes. False: the daemon is gone. */
static bool wait_for_news(int children, bool life, int ms)
{
    struct pollfd events[] = {{.fd = children, .events = POLLIN},
                              {.fd = life ? GUARD_LIFE : -1, .events = POLLIN}};
    struct signalfd_siginfo ignored;
    poll(events, 2, ms);
    if (events[0].revents)
        (void)!read(children, &ignored, sizeof ignored);
    return events[1].revents == 0;
}

static void end_launcher(Guard *g, int children)
{
    const double until = clock_seconds() + GRACE_MS / 1e3;
    kill(-g->launcher, SIGTERM);
    kill(-g->launcher, SIGCONT);
    for (double left; !g->ended && (left = until - clock_seconds()) > 0; reap(g))
        wait_for_news(children, false, (int)(left * 1e3) + 1);
    if (!g->ended)
        kill(-g->launcher, SIGKILL);
}

static int exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int guard_run(char **words)
{
    Guard g = {0};
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigprocmask(SIG_BLOCK, &watched, NULL);
    const int children = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    fcntl(GUARD_LIFE, F_SETFD, FD_CLOEXEC);
    fcntl(GUARD_LOCK, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t self = getpid();
    g.launcher = fork();
    if (g.launcher == 0)
        become_launcher(words, self);
    if (g.launcher < 0) {
        fprintf(stderr, "googlenetd: cannot start %s: %s\n", words[0], strerror(errno));
        return NOT_STARTED;
    }
    setpgid(g.launcher, g.launcher);
    // The ends of the pipes are the ranks' alone: the daemon sees when the last of them closes one.
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    bool wanted = true;
    for (; wanted && !g.ended; reap(&g))
        wanted = wait_for_news(children, true, -1);
    if (!g.ended)
        end_launcher(&g, children);
    kill_descendants(&g);
    return exit_code(g.status);
}
