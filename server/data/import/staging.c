#include "server/data/import/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/memory.h"

enum { DROP_BYTES = 64 << 20 };  // of the file, that are given back at a time

struct Staging {
    char *folder;
    int fd;
    size_t picture_bytes;
    uint8_t *memory;   // of the first pictures; NULL: there is none
    size_t in_memory;  // how many these are
    off_t dropped;     // bytes at the start of the file
};

/* -1 with errno. */
static int open_nameless(const char *folder)
{
    const int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return fd;
    // A file system without such files: one with a name, for a moment.
    char *path = xasprintf("%s/.import-XXXXXX", folder);
    const int named = mkostemp(path, O_CLOEXEC);
    const int reason = errno;
    if (named >= 0)
        unlink(path);
    free(path);
    errno = reason;
    return named;
}

static bool fault(const Staging *s, const char *what, int reason, Error *err)
{
    return fail(err, error_of_system(reason), "cannot %s a temporary file in %s: %s", what,
                s->folder, strerror(reason));
}

/* Taken page by page, when it is written to. */
static void map_memory(Staging *s, size_t count, size_t memory_bytes)
{
    const size_t room = memory_bytes / s->picture_bytes, pictures = count < room ? count : room;
    if (pictures == 0)
        return;
    void *memory = mmap(NULL, pictures * s->picture_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return;
    s->memory = memory;
    s->in_memory = pictures;
}

bool staging_new(const char *folder, size_t picture_bytes, size_t count, size_t memory_bytes,
                 Staging **staging, Error *err)
{
    Staging *s = xcalloc(1, sizeof *s);
    *s = (Staging){.folder = xstrdup(folder), .picture_bytes = picture_bytes};
    s->fd = open_nameless(folder);
    // Without its blocks: how many pictures will be left out is not known.
    if (s->fd < 0 || ftruncate(s->fd, (off_t)(picture_bytes * count)) != 0) {
        fault(s, "make", errno, err);
        staging_free(s);
        return false;
    }
    map_memory(s, count, memory_bytes);
    s->dropped = (off_t)(s->in_memory * picture_bytes);
    *staging = s;
    return true;
}

void staging_free(Staging *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    if (s->memory)
        munmap(s->memory, s->in_memory * s->picture_bytes);
    free(s->folder);
    free(s);
}

bool staging_write(Staging *s, size_t i, const uint8_t *pixels, Error *err)
{
    if (i < s->in_memory) {
        memcpy(s->memory + i * s->picture_bytes, pixels, s->picture_bytes);
        return true;
    }
    for (size_t done = 0; done < s->picture_bytes;) {
        const ssize_t written = pwrite(s->fd, pixels + done, s->picture_bytes - done,
                                       (off_t)(i * s->picture_bytes + done));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return fault(s, "write", written < 0 ? errno : ENOSPC, err);
        done += (size_t)written;
    }
    return true;
}

bool staging_read(Staging *s, size_t i, uint8_t *pixels, Error *err)
{
    if (i < s->in_memory) {
        memcpy(pixels, s->memory + i * s->picture_bytes, s->picture_bytes);
        return true;
    }
    for (size_t done = 0; done < s->picture_bytes;) {
        const ssize_t got = pread(s->fd, pixels + done, s->picture_bytes - done,
                                  (off_t)(i * s->picture_bytes + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return fault(s, "read", got < 0 ? errno : EIO, err);
        done += (size_t)got;
    }
    return true;
}

void staging_drop(Staging *s, size_t i)
{
    const off_t end = (off_t)(i * s->picture_bytes);
    // Where the file system cannot, the space comes back at the end.
    if (end - s->dropped < DROP_BYTES
        || fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, s->dropped,
                     end - s->dropped)
               != 0)
        return;
    s->dropped = end;
}
