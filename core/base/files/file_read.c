#include "core/base/files/file_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The size of a file that can be read whole. */
static bool check_file(int fd, const char *path, size_t most, size_t *size, Error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return fail(err, ERR_IO, "cannot read %s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return fail(err, ERR_INVALID, "%s is not a file", path);
    *size = (size_t)info.st_size;
    return *size <= most
           || fail(err, ERR_INVALID, "%s has %zu bytes, at most %zu are accepted", path, *size,
                   most);
}

/* Fills up to *size bytes; *size becomes less where the file shrinks meanwhile. */
static bool read_all(int fd, const char *path, uint8_t *bytes, size_t *size, Error *err)
{
    for (size_t done = 0; done < *size;) {
        const ssize_t got = read(fd, bytes + done, *size - done);
        if (got > 0)
            done += (size_t)got;
        else if (got == 0)
            *size = done;
        else if (errno != EINTR)
            return fail(err, ERR_IO, "cannot read %s: %s", path, strerror(errno));
    }
    bytes[*size] = '\0';
    return true;
}

bool file_read(const char *path, size_t most, uint8_t **bytes, size_t *size, Error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s: %s", path,
                    strerror(errno));
    uint8_t *all = NULL;
    bool ok = check_file(fd, path, most, size, err);
    if (ok && !(all = malloc(*size + 1)))
        ok = fail(err, ERR_NO_MEMORY, "no memory for the %zu MB of %s", *size >> 20, path);
    ok = ok && read_all(fd, path, all, size, err);
    close(fd);
    if (!ok) {
        free(all);
        return false;
    }
    *bytes = all;
    return true;
}

bool file_is_gone(const char *path)
{
    return access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
}
