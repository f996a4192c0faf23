/* server/data/intake/source/folder_source.c -- a folder as a source: walked and read by
 * descriptors. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/files/path.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/data/intake/source/source_ops.h"

typedef struct {
    Source source;
    int root;
    const bool *wanted;
    size_t next;  // entry
    int folder;   // the one that was read from last, -1: none; files of a folder come together
    char *folder_name;
    uint8_t *bytes;
    size_t room;
} FolderSource;

/* Whether an error concerns one name, which is left out; others concern all. */
static bool is_of_one_name(int error)
{
    return error == EACCES || error == EPERM || error == ENOENT || error == ELOOP
           || error == ENOTDIR || error == ENXIO;
}

static bool cannot_read(const FolderSource *f, const char *raw, int error, Error *err)
{
    return fail(err, ERR_IO, "cannot read %.200s/%.200s: %s", f->source.label, raw,
                strerror(error));
}

/* Leaves out a name that the system does not let us read; false: everything is at an end. */
static bool leave_unreadable(FolderSource *f, const char *raw, int error, Error *err)
{
    if (!is_of_one_name(error))
        return cannot_read(f, raw, error, err);
    char *path = name_text(raw);
    left_out_say(&f->source.listing.left_out, LEFT_UNREADABLE, path, "it cannot be read: %s",
                 strerror(error));
    free(path);
    return true;
}

typedef struct {
    char **names;
    size_t count, room;
} Names;

static void names_free(Names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->names[i]);
    free(names->names);
}

/* The names in a folder, sorted; closes the descriptor. */
static bool read_names(FolderSource *f, int fd, const char *raw, Names *names, Error *err)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        const int error = errno;
        close(fd);
        return cannot_read(f, raw, error, err);
    }
    bool ok = true;
    const struct dirent *item;
    while (ok && (errno = 0, item = readdir(dir))) {
        if (path_is_dots(item->d_name))
            continue;
        if (names->count == names->room) {
            names->room = names->room ? 2 * names->room : 64;
            names->names = xrealloc(names->names, names->room, sizeof *names->names);
        }
        names->names[names->count++] = xstrdup(item->d_name);
        ok = source_count(&f->source, err);
    }
    if (ok && errno != 0)
        ok = cannot_read(f, raw, errno, err);
    closedir(dir);
    if (names->count > 1)
        qsort(names->names, names->count, sizeof *names->names, text_order);
    return ok;
}

static bool walk(FolderSource *f, int fd, const char *raw, Error *err);

/* Opens a folder by its name in another and walks it. */
static bool enter(FolderSource *f, int fd, const char *name, const char *raw, Error *err)
{
    if (!source_add_folder(&f->source, raw, SLASHES_ONLY))
        return true;
    const int inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return inner < 0 ? leave_unreadable(f, raw, errno, err) : walk(f, inner, raw, err);
}

static bool add_name(FolderSource *f, int fd, const char *name, const char *raw, Error *err)
{
    struct stat info;
    if (fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return leave_unreadable(f, raw, errno, err);
    if (S_ISDIR(info.st_mode))
        return enter(f, fd, name, raw, err);
    if (S_ISREG(info.st_mode))
        return source_add_file(&f->source, raw, SLASHES_ONLY, info.st_size, err);
    source_leave_out(&f->source, raw, SLASHES_ONLY,
                     S_ISLNK(info.st_mode) ? LEFT_LINK : LEFT_SPECIAL);
    return true;
}

/* Lists the folder `raw` ("" is the top) and closes its descriptor. Its depth has a limit. */
static bool walk(FolderSource *f, int fd, const char *raw, Error *err)
{
    // The names are read by another descriptor, as closedir() closes it.
    const int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (again < 0) {
        const int error = errno;
        close(fd);
        return *raw ? leave_unreadable(f, raw, error, err) : cannot_read(f, raw, error, err);
    }
    Names names = {0};
    bool ok = read_names(f, again, raw, &names, err);
    for (size_t i = 0; ok && i < names.count; i++) {
        char *path = *raw ? xasprintf("%s/%s", raw, names.names[i]) : xstrdup(names.names[i]);
        ok = add_name(f, fd, names.names[i], path, err);
        free(path);
    }
    names_free(&names);
    close(fd);
    return ok;
}

bool folder_source_open(Source *source, int fd, Error *err)
{
    FolderSource *f = (FolderSource *)source;
    f->root = fd;
    const int top = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return top < 0 ? cannot_read(f, "", errno, err) : walk(f, top, "", err);
}

static bool begin(Source *source, const bool *wanted, Error *err)
{
    (void)err;
    FolderSource *f = (FolderSource *)source;
    f->wanted = wanted;
    f->next = 0;
    return true;
}

static void end(Source *source)
{
    FolderSource *f = (FolderSource *)source;
    if (f->folder >= 0)
        close(f->folder);
    f->folder = -1;
    free(f->folder_name);
    f->folder_name = NULL;
    free(f->bytes);
    f->bytes = NULL;
    f->room = 0;
    f->wanted = NULL;
    f->next = source->listing.count;
}

/* Goes down from the root name by name, which no link can redirect; -1 and errno. */
static int open_folder(int root, char *names)
{
    int fd = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char *rest = NULL;
    for (char *name = strtok_r(names, "/", &rest); name && fd >= 0;
         name = strtok_r(NULL, "/", &rest)) {
        const int inner = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        const int error = errno;
        close(fd);
        errno = error;
        fd = inner;
    }
    return fd;
}

/* Opens the file `raw`; -1 and errno. */
static int open_file(FolderSource *f, const char *raw)
{
    const char *slash = strrchr(raw, '/');
    const size_t length = slash ? (size_t)(slash - raw) : 0;
    char *folder = xcalloc(length + 1, 1);
    memcpy(folder, raw, length);
    if (f->folder < 0 || strcmp(folder, f->folder_name) != 0) {
        if (f->folder >= 0)
            close(f->folder);
        free(f->folder_name);
        f->folder_name = xstrdup(folder);
        f->folder = open_folder(f->root, folder);
    }
    free(folder);
    if (f->folder < 0)
        return -1;
    return openat(f->folder, slash ? slash + 1 : raw,
                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* Reads up to *size bytes; *size becomes less where the file has shrunk. */
static SourceStep read_bytes(FolderSource *f, int fd, const char *raw, size_t *size, Error *err)
{
    if (f->room < *size || !f->bytes) {
        free(f->bytes);
        f->room = *size + 1;
        f->bytes = malloc(f->room);
        if (!f->bytes) {
            fail(err, ERR_NO_MEMORY, "no memory for the %zu MB of %s", *size >> 20, raw);
            return SOURCE_FAILED;
        }
    }
    for (size_t done = 0; done < *size;) {
        const ssize_t got = read(fd, f->bytes + done, *size - done);
        if (got > 0) {
            done += (size_t)got;
        } else if (got == 0) {
            *size = done;
        } else if (errno != EINTR) {
            cannot_read(f, raw, errno, err);
            return SOURCE_FAILED;
        }
    }
    return SOURCE_FILE;
}

static SourceStep read_file(FolderSource *f, const char *raw, SourceFile *file, Error *err)
{
    const int fd = open_file(f, raw);
    if (fd < 0) {
        const int error = errno;
        cannot_read(f, raw, error, err);
        return is_of_one_name(error) ? SOURCE_UNREADABLE : SOURCE_FAILED;
    }
    struct stat info;
    SourceStep step = SOURCE_UNREADABLE;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        fail(err, ERR_INVALID, "%s is not a file any more", raw);
    else if (info.st_size > f->source.limits.entry_bytes)
        fail(err, ERR_INVALID, "%s has grown to %" PRId64 " bytes, more than one file may have",
             raw, (int64_t)info.st_size);
    else {
        file->size = (size_t)info.st_size;
        step = read_bytes(f, fd, raw, &file->size, err);
        file->bytes = f->bytes;
    }
    close(fd);
    return step;
}

static SourceStep next(Source *source, SourceFile *file, Error *err)
{
    FolderSource *f = (FolderSource *)source;
    while (f->next < source->listing.count && f->wanted && !f->wanted[f->next])
        f->next++;
    if (f->next == source->listing.count)
        return SOURCE_END;
    const ListedFile *entry = &source->listing.entries[f->next];
    *file = (SourceFile){.entry = f->next++};
    const SourceStep step = read_file(f, entry->raw ? entry->raw : entry->path, file, err);
    if (step == SOURCE_FAILED)
        f->next = source->listing.count;
    return step;
}

static void close_folder(Source *source)
{
    FolderSource *f = (FolderSource *)source;
    if (f->root >= 0)
        close(f->root);
}

Source *folder_source_new(void)
{
    static const SourceOps OPS = {begin, next, end, close_folder};
    FolderSource *f = xcalloc(1, sizeof *f);
    f->source.ops = &OPS;
    f->source.kind = "folder";
    f->root = -1;
    f->folder = -1;
    return &f->source;
}
