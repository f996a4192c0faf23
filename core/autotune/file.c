/* core/autotune/file.c -- the autotune cache on disk; see autotune.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/autotune/tables.h"
#include "core/base/files/atomic_file.h"
#include "core/base/files/file_read.h"
#include "core/base/files/lock.h"
#include "core/base/memory.h"

enum {
    MAX_FILE_BYTES = 4 << 20,
    MAX_OTHER_BYTES = 1 << 20,  // of other machines' measurements: more are not worth keeping
    LOCK_WAIT_MS = 2000,
};

/* The file's text, "" if there is no file. NULL on failure. From malloc. */
static char *read_text(const char *path, Error *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    Error fault = {0};
    if (!file_read(path, MAX_FILE_BYTES, &bytes, &size, &fault)) {
        if (fault.code == ERR_NOT_FOUND)
            return xstrdup("");
        fail(err, fault.code, "the autotune cache: %s", fault.message);
        return NULL;
    }
    if (strlen((char *)bytes) == size)
        return (char *)bytes;
    fail(err, ERR_INVALID, "the autotune cache %s is damaged: it has zero bytes", path);
    free(bytes);
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
    // A writer holds the lock for a moment. One that does not let go has been stopped.
    char *name = xasprintf("%s.lock", path);
    const int lock = lock_take(name, LOCK_WAIT_MS, err);
    free(name);
    const bool ok = lock >= 0 && merge(a, path, err);
    if (lock >= 0)
        close(lock);
    a->unsaved &= !ok;
    return ok;
}
