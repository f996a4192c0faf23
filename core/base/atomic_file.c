#include "core/base/atomic_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/temporary.h"

enum { NAME_TRIES = 100 };

struct AtomicFile {
    char *path;
    char *tmp;   // NULL: it has been renamed, or was never made
    int folder;  // the folder of both

    int fd;
    bool failed;
};

static const char *name_in(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int open_folder(const char *path)
{
    const char *name = name_in(path);
    char *folder = name == path ? xstrdup(".") : xasprintf("%.*s", (int)(name - path), path);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    return fd;
}

/* Remove a temporary whose writer is gone. */
static void remove_stale(int folder, const char *name)
{
    const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && temporary_has_name(folder, name, fd))
        unlinkat(folder, name, 0);
    close(fd);
}

static void sweep(int folder)
{
    const int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir) {
        if (copy >= 0)
            close(copy);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (temporary_is(entry->d_name))
            remove_stale(folder, entry->d_name);
    closedir(dir);
}

/* Make a temporary and lock it. Another writer's sweep may come between the two and take it for a
 * stale one; the next name is tried then. */
static bool create_temporary(AtomicFile *f)
{
    for (int i = 0; i < NAME_TRIES; i++) {
        free(f->tmp);
        f->tmp = temporary_name(f->path);
        f->fd = open(f->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (f->fd < 0 && errno == EEXIST)
            continue;
        if (f->fd < 0)
            return false;
        if (flock(f->fd, LOCK_EX | LOCK_NB) == 0
                ? temporary_has_name(f->folder, name_in(f->tmp), f->fd)
                : errno != EWOULDBLOCK)
            return true;  // or the file system has no locks, and then no sweep gets one either
        close(f->fd);
        f->fd = -1;
    }
    errno = EEXIST;
    return false;
}

bool atomic_file_open(const char *path, AtomicFile **result, Error *err)
{
    AtomicFile *f = xcalloc(1, sizeof *f);
    f->fd = -1;
    f->path = xstrdup(path);
    f->folder = open_folder(path);
    if (f->folder >= 0)
        sweep(f->folder);
    if (f->folder < 0 || !create_temporary(f)) {
        fail(err, error_of_system(errno), "cannot create a temporary file for %s: %s", path,
             strerror(errno));
        free(f->tmp);
        f->tmp = NULL;
        atomic_file_cancel(f);
        return false;
    }
    *result = f;
    return true;
}

bool atomic_file_write(AtomicFile *f, const void *bytes, size_t size, Error *err)
{
    const char *at = bytes;
    if (f->failed)
        return fail(err, ERR_IO, "cannot write %s: an earlier write failed", f->tmp);
    while (size > 0) {
        const ssize_t written = write(f->fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            f->failed = true;
            const int reason = written < 0 ? errno : ENOSPC;
            return fail(err, error_of_system(reason), "cannot write %s: %s", f->tmp,
                        strerror(reason));
        }
        at += written;
        size -= (size_t)written;
    }
    return true;
}

/* Without forcing the folder, a crash may bring the old file back. */
static bool put_in_place(AtomicFile *f, Error *err)
{
    if (rename(f->tmp, f->path) != 0)
        return fail(err, error_of_system(errno), "cannot rename %s to %s: %s", f->tmp, f->path,
                    strerror(errno));
    free(f->tmp);
    f->tmp = NULL;  // it is `path` now
    return fsync(f->folder) == 0
           || fail(err, error_of_system(errno), "cannot force the folder of %s to disk: %s",
                   f->path, strerror(errno));
}

bool atomic_file_commit(AtomicFile *f, Error *err)
{
    bool ok = !f->failed || fail(err, ERR_IO, "cannot write %s: an earlier write failed", f->tmp);
    if (ok && fsync(f->fd) != 0)
        ok = fail(err, error_of_system(errno), "cannot force %s to disk: %s", f->tmp,
                  strerror(errno));
    // The lock is held until the temporary has its final name.
    ok = ok && put_in_place(f, err);
    atomic_file_cancel(f);
    return ok;
}

void atomic_file_cancel(AtomicFile *f)
{
    if (!f)
        return;
    if (f->tmp)
        unlink(f->tmp);
    if (f->fd >= 0)
        close(f->fd);
    if (f->folder >= 0)
        close(f->folder);
    free(f->tmp);
    free(f->path);
    free(f);
}

bool atomic_file_save(const char *path, const void *bytes, size_t size, Error *err)
{
    AtomicFile *f = NULL;
    if (!atomic_file_open(path, &f, err))
        return false;
    if (atomic_file_write(f, bytes, size, err))
        return atomic_file_commit(f, err);
    atomic_file_cancel(f);
    return false;
}
