#include "server/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/sha256.h"

enum { PIECE = 1 << 16 };  // bytes read at a time

/* ---- Folders ---- */

bool folder_make(const char *path, Error *err)
{
    struct stat info;
    if (mkdir(path, 0750) == 0)
        return true;
    if (errno == EEXIST && stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode))
            return true;
        errno = ENOTDIR;
    }
    return fail(err, error_of_system(errno), "make folder %s: %s", path, strerror(errno));
}

bool folder_sync(const char *path, Error *err)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, ERR_IO, "open folder %s: %s", path, strerror(errno));
    const bool ok =
        fsync(fd) == 0 || fail(err, error_of_system(errno), "fsync %s: %s", path, strerror(errno));
    close(fd);
    return ok;
}

/* ---- Files ---- */

bool stream_text(FILE *stream, const char *label, size_t most, char **text, size_t *length,
                 Error *err)
{
    size_t room = 0, used = 0, got = 0;
    *text = NULL;
    do {
        room = room ? 2 * room : PIECE;
        *text = xrealloc(*text, room, 1);
        got = fread(*text + used, 1, room - 1 - used, stream);
        used += got;
    } while (got > 0 && used <= most);
    (*text)[used] = '\0';
    if (length)
        *length = used;
    if (!ferror(stream) && used <= most)
        return true;
    if (ferror(stream))
        fail(err, ERR_IO, "%s: %s", label, strerror(errno));
    else
        fail(err, ERR_INVALID, "%s is longer than %zu bytes", label, most);
    free(*text);
    *text = NULL;
    return false;
}

bool file_text(const char *path, size_t most, char **text, size_t *length, Error *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return fail(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path, strerror(errno));
    const bool ok = stream_text(file, path, most, text, length, err);
    fclose(file);
    return ok;
}

bool file_digest(const char *path, int64_t *bytes, char sha256[65], Error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, ERR_IO, "open %s: %s", path, strerror(errno));
    char *piece = xcalloc(1, PIECE);
    Sha256 hash = sha256_new();
    ssize_t got;
    while ((got = read(fd, piece, PIECE)) > 0)
        sha256_add(&hash, piece, (size_t)got);
    const bool ok = got == 0 || fail(err, ERR_IO, "read %s: %s", path, strerror(errno));
    *bytes = (int64_t)hash.bytes;
    sha256_hex(&hash, sha256);
    free(piece);
    close(fd);
    return ok;
}
