#include "server/base/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/files/write_all.h"
#include "core/base/memory.h"
#include "core/base/sha256.h"

enum { PIECE = 1 << 16 };  // bytes read at a time

Path path_in(const char *folder, const char *name)
{
    Path path;
    const int length = snprintf(path.text, sizeof path.text, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path.text)
        path.text[0] = '\0';
    return path;
}

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

bool folder_make_own(const char *path, Error *err)
{
    if (!folder_make(path, err))
        return false;
    return faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) == 0
           || fail(err, error_of_system(errno), "the folder %s must be ours to read and write: %s",
                   path, strerror(errno));
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

bool folder_lacks(const char *path, IdParser parse)
{
    DIR *folder = opendir(path);
    bool lacks = true;
    int64_t id;
    if (!folder)
        return errno == ENOENT || errno == ENOTDIR;
    for (const struct dirent *entry; lacks && (entry = readdir(folder));)
        lacks = !parse(entry->d_name, &id);
    closedir(folder);
    return lacks;
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

int file_open_plain(const char *path, int flags)
{
    char *names = xstrdup(path), *rest = NULL, *name = strtok_r(names, "/", &rest);
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (name && fd >= 0) {
        char *next = strtok_r(NULL, "/", &rest);
        const int inner =
            openat(fd, name, (next ? O_PATH | O_DIRECTORY | O_CLOEXEC : flags) | O_NOFOLLOW);
        const int error = errno;
        close(fd);
        errno = error;
        fd = inner;
        name = next;
    }
    free(names);
    return fd;
}

bool file_remove(const char *path, Error *err)
{
    return unlink(path) == 0 || errno == ENOENT
           || fail(err, error_of_system(errno), "remove %s: %s", path, strerror(errno));
}

bool file_digest(const char *path, int64_t *bytes, char sha256[65], Error *err)
{
    struct stat is;
    // Without waiting for a pipe's writer: a pipe is no file.
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail(err, ERR_IO, "open %s: %s", path, strerror(errno));
    if (fstat(fd, &is) != 0 || !S_ISREG(is.st_mode)) {
        close(fd);
        return fail(err, ERR_IO, "%s is not a file", path);
    }
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

/* Into a new file; false, with errno, on failure. */
static bool copy_bytes(int from, int to)
{
    char *piece = xcalloc(1, PIECE);
    ssize_t got;
    bool ok = true;
    while (ok && (got = read(from, piece, PIECE)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        ok = got > 0 && write_all(to, piece, (size_t)got);
    }
    free(piece);
    return ok && fsync(to) == 0;
}

static bool copy_file(const char *path, const char *name, Error *err)
{
    const int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return fail(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "open %s: %s", path,
                    strerror(errno));
    const int to = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    const bool ok =
        (to >= 0 && copy_bytes(from, to))
        || fail(err, error_of_system(errno), "copy %s to %s: %s", path, name, strerror(errno));
    if (to >= 0)
        close(to);
    close(from);
    if (!ok && to >= 0)
        unlink(name);
    return ok;
}

bool file_link(const char *path, const char *name, Error *err)
{
    if (unlink(name) != 0 && errno != ENOENT)
        return fail(err, error_of_system(errno), "remove %s: %s", name, strerror(errno));
    if (link(path, name) == 0)
        return true;
    if (errno == ENOENT)
        return fail(err, ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
    return copy_file(path, name, err);
}
