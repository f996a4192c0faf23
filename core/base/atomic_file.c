#include "core/base/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"

struct AtomicFile {
    char *path;
    char *tmp;
    int fd;
};

bool atomic_file_open(const char *path, AtomicFile **result, Error *err)
{
    AtomicFile *f = xcalloc(1, sizeof *f);
    f->path = xstrdup(path);
    f->tmp = xasprintf("%s.tmp", path);
    f->fd = open(f->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (f->fd < 0) {
        fail(err, ERR_IO, "cannot create %s: %s", f->tmp, strerror(errno));
        atomic_file_cancel(f);
        return false;
    }
    *result = f;
    return true;
}

bool atomic_file_write(AtomicFile *f, const void *bytes, size_t size, Error *err)
{
    const char *at = bytes;
    while (size > 0) {
        const ssize_t written = write(f->fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return fail(err, ERR_IO, "cannot write %s: %s", f->tmp,
                        strerror(written < 0 ? errno : ENOSPC));
        at += written;
        size -= (size_t)written;
    }
    return true;
}

/* Force the folder's entry for `path` to disk: without it, a crash may bring the old name back. */
static bool sync_folder(const char *path, Error *err)
{
    char *copy = xstrdup(path);
    const char *folder = dirname(copy);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        fail(err, ERR_IO, "cannot force folder %s to disk: %s", folder, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(copy);
    return ok;
}

bool atomic_file_commit(AtomicFile *f, Error *err)
{
    bool ok = fsync(f->fd) == 0;
    if (!ok)
        fail(err, ERR_IO, "cannot force %s to disk: %s", f->tmp, strerror(errno));
    if (close(f->fd) != 0 && ok)
        ok = fail(err, ERR_IO, "cannot close %s: %s", f->tmp, strerror(errno));
    f->fd = -1;
    if (ok && rename(f->tmp, f->path) != 0)
        ok = fail(err, ERR_IO, "cannot rename %s to %s: %s", f->tmp, f->path, strerror(errno));
    if (ok) {
        free(f->tmp);
        f->tmp = NULL;  // it is `path` now
        ok = sync_folder(f->path, err);
    }
    atomic_file_cancel(f);
    return ok;
}

void atomic_file_cancel(AtomicFile *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    if (f->tmp)
        unlink(f->tmp);
    free(f->tmp);
    free(f->path);
    free(f);
}
