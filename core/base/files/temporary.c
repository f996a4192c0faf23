#include "core/base/files/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/files/folder.h"
#include "core/base/files/path.h"
#include "core/base/memory.h"

enum { DIGITS = 12, NAME_TRIES = 100 };
static const char MARK[] = ".tmp-";

/* Digits that no other writer has. */
static uint64_t random_digits(void)
{
    static atomic_uint_fast64_t calls;
    uint64_t bits = 0;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != sizeof bits)
        bits = (uint64_t)getpid() << 32 ^ (uint64_t)(1e9 * clock_seconds());
    bits ^= atomic_fetch_add(&calls, 1) * 0x9e3779b97f4a7c15u;
    return bits & (((uint64_t)1 << 4 * DIGITS) - 1);
}

static char *new_name(const char *path)
{
    return xasprintf("%s%s%0*" PRIx64, path, MARK, DIGITS, random_digits());
}

static bool is_temporary(const char *name)
{
    const size_t length = strlen(name), tail = strlen(MARK) + DIGITS;
    if (length <= tail || strncmp(name + length - tail, MARK, strlen(MARK)) != 0)
        return false;
    return strspn(name + length - DIGITS, "0123456789abcdef") == DIGITS;
}

/* Whether `fd` is still what has that name. */
static bool has_name(int folder, const char *name, int fd)
{
    struct stat named, opened;
    return fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &opened) == 0
           && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

/* Another writer's sweep may come between making and locking and take it for a stale one; the next
 * name is tried then. */
int temporary_make(int folder, const char *path, TemporaryMaker make, char **tmp)
{
    for (int i = 0; i < NAME_TRIES; i++) {
        free(*tmp);
        *tmp = new_name(path);
        const int fd = make(folder, *tmp);
        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd < 0)
            return -1;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 ? has_name(folder, path_name(*tmp), fd)
                                              : errno != EWOULDBLOCK)
            return fd;  // or the file system has no locks, and then no sweep gets one either
        close(fd);
    }
    errno = EEXIST;
    return -1;
}

static void remove_stale(int folder, const char *name, int flags, TemporaryRemover remover)
{
    const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | flags);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && has_name(folder, name, fd))
        remover(folder, name, fd);
    close(fd);
}

void temporary_sweep(int folder, int flags, TemporaryRemover remover)
{
    DIR *dir = folder_names(folder);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (is_temporary(entry->d_name))
            remove_stale(folder, entry->d_name, flags, remover);
    closedir(dir);
}
