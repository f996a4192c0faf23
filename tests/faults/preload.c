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
 *
 * With RECORD=FILE each of these calls that succeeds adds a line to that file, in the order in
 * which they happen: "fsync PATH", say; for the store's log with the checkpoint whose row is in the
 * bytes written: "write PATH step_40".
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static atomic_int hits;
static _Atomic(const char *) plan;

/* For a program that has this file linked into it: `fault` as above, or NULL; calls are counted
 * from here. The text is borrowed. */
void fault_plan(const char *fault);
int fault_hits(void);  // calls that the plan names, hit or not

void fault_plan(const char *fault)
{
    atomic_store(&hits, 0);
    atomic_store(&plan, fault);
}

int fault_hits(void)
{
    return atomic_load(&hits);
}

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
    const char *fault = atomic_load(&plan);
    if (!fault)
        fault = getenv("FAULT");
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

/* The path of a descriptor; "" if it has none. */
static void path_of(int fd, char path[PATH_MAX])
{
    const int before = errno;
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, PATH_MAX - 1);
    errno = before;
    path[length > 0 ? length : 0] = '\0';
}

/* ---- The record ---- */

static void record(const char *call, const char *path, const char *more)
{
    const char *file = getenv("RECORD");
    if (!file || strcmp(path, file) == 0)
        return;
    const int before = errno;
    char line[PATH_MAX + 1200];
    const int length =
        snprintf(line, sizeof line, "%s %s%s%s\n", call, path, *more ? " " : "", more);
    const int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0 && length > 0 && syscall(SYS_write, fd, line, (size_t)length) != length)
        abort();
    close(fd);
    errno = before;
}

/* "step_20 step_40": the checkpoints whose events are among the bytes of the store's log. */
static void checkpoints_in(const char *path, const char *bytes, size_t count, char steps[1024])
{
    static const char MARK[] = "{\"checkpoint\":\"";
    const size_t mark = sizeof MARK - 1;
    const char *const end = bytes + count;
    size_t used = 0;
    steps[0] = '\0';
    if (!strstr(path, "store.db-wal"))
        return;
    for (const char *id = bytes; (id = memmem(id, (size_t)(end - id), MARK, mark));) {
        id += mark;
        size_t length = 0;
        while (id + length < end && id[length] != '"')
            length++;
        if (used + length + 2 > 1024)
            abort();
        used +=
            (size_t)snprintf(steps + used, 1024 - used, "%s%.*s", used ? " " : "", (int)length, id);
    }
}

/* ---- The calls ---- */

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

/* Before a write, and after it. */
static Verdict begin_write(int fd, char path[PATH_MAX])
{
    path_of(fd, path);
    return path[0] ? judge("write", path) : PASS;
}

static void end_write(const char *path, const void *bytes, ssize_t written, Verdict verdict)
{
    char steps[1024];
    if (written > 0 && path[0] && getenv("RECORD")) {
        checkpoints_in(path, bytes, (size_t)written, steps);
        record("write", path, steps);
    }
    leave_if(verdict);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    REAL(Write, "write");
    char path[PATH_MAX];
    const Verdict verdict = begin_write(fd, path);
    const ssize_t result = verdict == FAIL ? -1 : real(fd, bytes, count);
    end_write(path, bytes, result, verdict);
    return result;
}

static ssize_t pwrite_with(const char *name, int fd, const void *bytes, size_t count, off_t at)
{
    REAL(Pwrite, name);
    char path[PATH_MAX];
    const Verdict verdict = begin_write(fd, path);
    const ssize_t result = verdict == FAIL ? -1 : real(fd, bytes, count, at);
    end_write(path, bytes, result, verdict);
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
    char path[PATH_MAX];
    path_of(fd, path);
    const Verdict verdict = path[0] ? judge("fsync", path) : PASS;
    const int result = verdict == FAIL ? -1 : real(fd);
    if (result == 0)
        record("fsync", path, "");
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
    if (result == 0)
        record(name, to, "");
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
    if (result == 0)
        record("unlink", path, "");
    leave_if(verdict);
    return result;
}
