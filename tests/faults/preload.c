/* tests/faults/preload.c -- a library to be preloaded: lets chosen calls of a program fail, or
 * kills the program there, so that the daemon is tested as it is shipped.
 *
 *     FAULT=CALL:PATH:FROM:COUNT:ACTION LD_PRELOAD=libfault_preload.so googlenetd serve ...
 *
 * CALL     write, fsync, rename, link or unlink (write stands for pwrite, fsync for fdatasync too)
 * PATH     part of the path, or its end where a '$' follows; of the new one for rename and link
 * FROM     the first such call that is hit, from 1
 * COUNT    how many calls in a row are hit
 * ACTION   kill: SIGKILL before the call; after: SIGKILL after it; EIO, ENOSPC: it fails with that;
 *          stall: it hangs for as long as the file FAULT_WHILE is there
 *
 * With FAULT_WHILE=FILE in the environment calls are only hit, and counted, while that file exists.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static atomic_int hits;

typedef enum { PASS, KILL_AFTER, FAIL } Verdict;

/* Is the fault switched on? */
static bool active(void)
{
    const char *file = getenv("FAULT_WHILE");
    return !file || access(file, F_OK) == 0;
}

static Verdict stall(void)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    const int before = errno;
    while (active())
        nanosleep(&pause, NULL);
    errno = before;
    return PASS;
}

/* Whether `part` is in the path, or ends it: "wal$". */
static bool matches(const char *path, const char *part)
{
    const size_t length = strlen(part), size = strlen(path);
    if (length == 0 || part[length - 1] != '$')
        return strstr(path, part);
    return size >= length - 1 && strncmp(path + size - (length - 1), part, length - 1) == 0;
}

/* Kills, or sets errno and says FAIL, or says what else is to be done. */
static Verdict judge(const char *call, const char *path)
{
    char name[16], part[128], action[16];
    int from, count;
    const char *fault = getenv("FAULT");
    if (!fault
        || sscanf(fault, "%15[^:]:%127[^:]:%d:%d:%15s", name, part, &from, &count, action) != 5
        || strcmp(name, call) != 0 || !matches(path, part) || !active())
        return PASS;
    const int hit = atomic_fetch_add(&hits, 1) + 1;
    if (hit < from || hit >= from + count)
        return PASS;
    if (strcmp(action, "kill") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(action, "after") == 0)
        return KILL_AFTER;
    if (strcmp(action, "stall") == 0)
        return stall();
    errno = strcmp(action, "ENOSPC") == 0 ? ENOSPC : EIO;
    return FAIL;
}

static Verdict judge_fd(const char *call, int fd)
{
    const int before = errno;
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length <= 0)
        return PASS;
    path[length] = '\0';
    return judge(call, path);
}

static void leave_if(Verdict verdict)
{
    if (verdict == KILL_AFTER)
        kill(getpid(), SIGKILL);
}

/* POSIX wants dlsym's result to be usable as a function; C does not say so. */
#define REAL(type, name)                                                                           \
    type real;                                                                                     \
    *(void **)(&real) = dlsym(RTLD_NEXT, name)

typedef ssize_t (*Write)(int, const void *, size_t);
typedef ssize_t (*Pwrite)(int, const void *, size_t, off_t);
typedef int (*OnFd)(int);
typedef int (*OnPath)(const char *);
typedef int (*OnPaths)(const char *, const char *);

ssize_t write(int fd, const void *bytes, size_t count)
{
    REAL(Write, "write");
    const Verdict verdict = judge_fd("write", fd);
    const ssize_t result = verdict == FAIL ? -1 : real(fd, bytes, count);
    leave_if(verdict);
    return result;
}

static ssize_t pwrite_with(const char *name, int fd, const void *bytes, size_t count, off_t at)
{
    REAL(Pwrite, name);
    const Verdict verdict = judge_fd("write", fd);
    const ssize_t result = verdict == FAIL ? -1 : real(fd, bytes, count, at);
    leave_if(verdict);
    return result;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at)
{
    return pwrite_with("pwrite", fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at)
{
    return pwrite_with("pwrite64", fd, bytes, count, at);
}

static int sync_with(const char *name, int fd)
{
    REAL(OnFd, name);
    const Verdict verdict = judge_fd("fsync", fd);
    const int result = verdict == FAIL ? -1 : real(fd);
    leave_if(verdict);
    return result;
}

int fsync(int fd)
{
    return sync_with("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_with("fdatasync", fd);
}

static int paths_with(const char *name, const char *from, const char *to)
{
    REAL(OnPaths, name);
    const Verdict verdict = judge(name, to);
    const int result = verdict == FAIL ? -1 : real(from, to);
    leave_if(verdict);
    return result;
}

int rename(const char *from, const char *to)
{
    return paths_with("rename", from, to);
}

int link(const char *from, const char *to)
{
    return paths_with("link", from, to);
}

int unlink(const char *path)
{
    REAL(OnPath, "unlink");
    const Verdict verdict = judge("unlink", path);
    const int result = verdict == FAIL ? -1 : real(path);
    leave_if(verdict);
    return result;
}
