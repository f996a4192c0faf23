#include "core/base/files/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/files/path.h"
#include "core/base/files/temporary.h"
#include "core/base/files/write_all.h"
#include "core/base/memory.h"

struct AtomicFile {
    char *path;
    char *tmp;   // NULL: it has been renamed, or was never made
    int folder;  // the folder of both

    int fd;
    bool failed;
};

static int open_folder(const char *path)
{
    char *folder = path_folder(path);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    return fd;
}

static int make_file(int folder, const char *tmp)
{
    (void)folder;
    return open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

static void remove_file(int folder, const char *name, int fd)
{
    (void)fd;
    unlinkat(folder, name, 0);
}

/* The file that `path` names: a link stays, and its target is replaced. A link to nothing is taken
 * for the file. A rename would put a file in the place of a device, too: NULL. */
static char *target_of(const char *path, Error *err)
{
    struct stat is;
    char *target = lstat(path, &is) == 0 && S_ISLNK(is.st_mode) ? realpath(path, NULL) : NULL;
    if (!target)
        target = xstrdup(path);
    if (stat(target, &is) != 0 || S_ISREG(is.st_mode))
        return target;
    fail(err, ERR_IO, "cannot replace %s: it is %s", path,
         S_ISDIR(is.st_mode) ? "a folder" : "no regular file");
    free(target);
    return NULL;
}

bool atomic_file_open(const char *path, AtomicFile **result, Error *err)
{
    char *target = target_of(path, err);
    if (!target)
        return false;
    AtomicFile *f = xcalloc(1, sizeof *f);
    f->fd = -1;
    f->path = target;
    f->folder = open_folder(target);
    if (f->folder >= 0)
        temporary_sweep(f->folder, O_NONBLOCK, remove_file);
    if (f->folder >= 0)
        f->fd = temporary_make(f->folder, target, make_file, &f->tmp);
    if (f->fd < 0) {
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
    if (f->failed)
        return fail(err, ERR_IO, "cannot write %s: an earlier write failed", f->tmp);
    if (write_all(f->fd, bytes, size))
        return true;
    f->failed = true;
    return fail(err, error_of_system(errno), "cannot write %s: %s", f->tmp, strerror(errno));
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
