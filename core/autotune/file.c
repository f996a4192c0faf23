/* core/autotune/file.c -- the autotune cache on disk; see autotune.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "core/autotune/tables.h"
#include "core/base/atomic_file.h"
#include "core/base/memory.h"

enum {
    MAX_FILE_BYTES = 4 << 20,
    MAX_OTHER_BYTES = 1 << 20,  // of other machines' measurements: more are not worth keeping
    LOCK_TRIES = 100,
    LOCK_WAIT_MS = 20,
};

/* The file's text, "" if there is no file. NULL on failure. From malloc. */
static char *read_text(const char *path, Error *err)
{
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT)
        return xstrdup("");
    char *text = file ? xcalloc(MAX_FILE_BYTES + 1, 1) : NULL;
    const size_t size = file ? fread(text, 1, MAX_FILE_BYTES + 1, file) : 0;
    const bool ok = file && !ferror(file);
    if (!ok)
        fail(err, ERR_IO, "cannot read the autotune cache %s: %s", path, strerror(errno));
    else if (size > MAX_FILE_BYTES || strlen(text) != size)
        fail(err, ERR_INVALID, "the autotune cache %s is damaged: %s", path,
             size > MAX_FILE_BYTES ? "it is too long" : "it has zero bytes");
    if (file)
        fclose(file);
    if (ok && size <= MAX_FILE_BYTES && strlen(text) == size)
        return text;
    free(text);
    return NULL;
}

bool autotune_load(Autotune *a, const char *path, Error *err)
{
    char *text = read_text(path, err);
    if (!text)
        return false;
    const bool ok = !*text || cache_read(text, a->machine, &a->measurements, NULL, err)
                    || fail_in(err, "%s", path);
    free(text);
    return ok;
}

/* The lock is released when the file is closed. Whoever holds it holds it for a moment: one who
 * does not let go has been stopped, and is not waited for. */
static int lock_file(const char *path, Error *err)
{
    char *name = xasprintf("%s.lock", path);
    const int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    bool locked = false;
    for (int i = 0; fd >= 0 && !locked && i < LOCK_TRIES; i++) {
        locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
        if (!locked)
            nanosleep(&(struct timespec){.tv_nsec = LOCK_WAIT_MS * 1000000L}, NULL);
    }
    if (!locked)
        fail(err, ERR_IO, "cannot lock %s: %s", name, strerror(errno));
    if (!locked && fd >= 0)
        close(fd);
    free(name);
    return locked ? fd : -1;
}

/* Take in what others have written since, then write all. */
static bool merge(Autotune *a, const char *path, Error *err)
{
    char *others = NULL, *before = read_text(path, NULL);
    if (before && *before)
        cache_read(before, a->machine, &a->measurements, &others, NULL);
    const bool keep = others && strlen(others) <= MAX_OTHER_BYTES;
    char *after = cache_write(&a->measurements, a->machine, keep ? others : NULL);
    const bool ok = atomic_file_save(path, after, strlen(after), err);
    free(after);
    free(before);
    free(others);
    return ok;
}

bool autotune_save(Autotune *a, const char *path, Error *err)
{
    if (!a->unsaved)
        return true;
    const int lock = lock_file(path, err);
    const bool ok = lock >= 0 && merge(a, path, err);
    if (lock >= 0)
        close(lock);
    a->unsaved &= !ok;
    return ok;
}
