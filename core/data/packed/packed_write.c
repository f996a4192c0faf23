#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/files/folder.h"
#include "core/base/files/path.h"
#include "core/base/files/temporary.h"
#include "core/base/files/write_all.h"
#include "core/base/memory.h"
#include "core/base/sha256.h"
#include "core/data/packed/packed.h"

enum { ROOM = 1 << 20 };  // bytes that a file's writer collects

/* One of the four files. */
typedef struct {
    int fd;
    Sha256 sha;
    uint8_t *room;
    size_t used;  // bytes of `room` that are not yet written
} Part;

struct PackedWriter {
    PackedIndex index;  // owns its names and notes
    size_t picture_bytes;
    char *path, *tmp;  // NULL: there is none, or it has been renamed
    int parent, folder;
    Part parts[PACKED_FILES];
    bool failed;
};

static bool fail_system(PackedWriter *w, const char *what, const char *name, Error *err)
{
    const int reason = errno;
    w->failed = true;
    return fail(err, error_of_system(reason), "cannot %s %s/%s: %s", what, w->path, name,
                strerror(reason));
}

/* ---- The folder ---- */

/* Also those that came beside the set's own. */
static void remove_files(int folder)
{
    DIR *dir = folder_names(folder);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (!path_is_dots(entry->d_name))
            unlinkat(folder, entry->d_name, 0);
    closedir(dir);
}

static void remove_folder(int parent, const char *name, int folder)
{
    remove_files(folder);
    unlinkat(parent, name, AT_REMOVEDIR);
}

static int make_temporary(int parent, const char *tmp)
{
    if (mkdirat(parent, path_name(tmp), 0777) != 0)
        return -1;
    const int folder =
        openat(parent, path_name(tmp), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 && errno == ENOENT)
        errno = EEXIST;  // another writer's sweep has taken it
    return folder;
}

static bool open_parent(PackedWriter *w, Error *err)
{
    char *parent = path_folder(w->path);
    w->parent = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool ok = w->parent >= 0
                    || fail(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s: %s",
                            parent, strerror(errno));
    free(parent);
    return ok;
}

static bool make_folder(PackedWriter *w, Error *err)
{
    if (!open_parent(w, err))
        return false;
    if (!folder_is_free(w->path))
        return fail(err, ERR_CONFLICT, "%s is there already", w->path);
    temporary_sweep(w->parent, O_DIRECTORY, remove_folder);
    w->folder = temporary_make(w->parent, w->path, make_temporary, &w->tmp);
    return w->folder >= 0
           || fail(err, error_of_system(errno), "cannot create a temporary folder for %s: %s",
                   w->path, strerror(errno));
}

/* ---- Files ---- */

static bool write_bytes(PackedWriter *w, int fd, const char *name, const void *bytes, size_t size,
                        Error *err)
{
    return write_all(fd, bytes, size) || fail_system(w, "write", name, err);
}

static bool flush(PackedWriter *w, PackedFile file, Error *err)
{
    Part *p = &w->parts[file];
    const size_t used = p->used;
    p->used = 0;
    sha256_add(&p->sha, p->room, used);
    return write_bytes(w, p->fd, PACKED_FILE_NAMES[file], p->room, used, err);
}

static bool put(PackedWriter *w, PackedFile file, const uint8_t *bytes, size_t size, Error *err)
{
    Part *p = &w->parts[file];
    while (size > 0) {
        const size_t left = ROOM - p->used, now = size < left ? size : left;
        memcpy(p->room + p->used, bytes, now);
        p->used += now;
        bytes += now;
        size -= now;
        if (p->used == ROOM && !flush(w, file, err))
            return false;
    }
    return true;
}

static int create_file(PackedWriter *w, const char *name)
{
    return openat(w->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

static bool sync_fd(PackedWriter *w, int fd, const char *name, Error *err)
{
    return fsync(fd) == 0 || fail_system(w, "force to disk", name, err);
}

static bool create_files(PackedWriter *w, Error *err)
{
    for (PackedFile i = 0; i < PACKED_FILES; i++) {
        Part *p = &w->parts[i];
        p->fd = create_file(w, PACKED_FILE_NAMES[i]);
        if (p->fd < 0)
            return fail_system(w, "create", PACKED_FILE_NAMES[i], err);
        p->sha = sha256_new();
        p->room = xcalloc(ROOM, 1);
    }
    return true;
}

/* ---- The writer ---- */

static void copy_info(PackedInfo *to, const PackedInfo *from)
{
    const char **names = xcalloc((size_t)from->classes, sizeof *names);
    PackedNote *notes = xcalloc((size_t)from->note_count, sizeof *notes);
    for (int i = 0; i < from->classes; i++)
        names[i] = xstrdup(from->class_names[i]);
    for (int i = 0; i < from->note_count; i++)
        notes[i] = (PackedNote){xstrdup(from->notes[i].key), xstrdup(from->notes[i].value)};
    *to = (PackedInfo){from->image, from->classes, names, notes, from->note_count};
}

bool packed_create(const char *folder, const PackedInfo *info, PackedWriter **writer, Error *err)
{
    if (!packed_info_check(info, err))
        return false;
    PackedWriter *w = xcalloc(1, sizeof *w);
    w->parent = w->folder = -1;
    for (PackedFile i = 0; i < PACKED_FILES; i++)
        w->parts[i].fd = -1;
    copy_info(&w->index.info, info);
    w->picture_bytes = shape_count(info->image);
    w->path = xstrdup(folder);
    for (size_t n = strlen(w->path); n > 1 && w->path[n - 1] == '/';)
        w->path[--n] = '\0';
    if (!make_folder(w, err) || !create_files(w, err)) {
        packed_abandon(w);
        return false;
    }
    *writer = w;
    return true;
}

bool packed_add(PackedWriter *w, PackedSplit split, int label, const uint8_t *pixels, Error *err)
{
    if (w->failed)
        return fail(err, ERR_IO, "cannot write %s: an earlier write failed", w->path);
    if (label < 0 || label >= w->index.info.classes)
        return fail(err, ERR_INVALID, "label %d is outside the %d classes", label,
                    w->index.info.classes);
    if (w->index.counts[split] == INT32_MAX)
        return fail(err, ERR_INVALID, "a set can have %d pictures in a split", INT32_MAX);
    const bool train = split == PACKED_TRAIN;
    const uint8_t bytes[] = {(uint8_t)(label & 0xff), (uint8_t)(label >> 8)};
    w->index.counts[split]++;
    return put(w, train ? PACKED_TRAIN_PIXELS : PACKED_TEST_PIXELS, pixels, w->picture_bytes, err)
           && put(w, train ? PACKED_TRAIN_LABELS : PACKED_TEST_LABELS, bytes, sizeof bytes, err);
}

const char *packed_folder(const PackedWriter *w)
{
    return w->tmp;
}

static bool finish_files(PackedWriter *w, Error *err)
{
    for (PackedFile i = 0; i < PACKED_FILES; i++) {
        Part *p = &w->parts[i];
        if (!flush(w, i, err) || !sync_fd(w, p->fd, PACKED_FILE_NAMES[i], err))
            return false;
        sha256_hex(&p->sha, w->index.sha256[i]);
    }
    return true;
}

static bool write_index(PackedWriter *w, Error *err)
{
    char *text;
    size_t size;
    if (!packed_index_text(&w->index, &text, &size, err))
        return false;
    const int fd = create_file(w, PACKED_INDEX_NAME);
    const bool ok = (fd >= 0 || fail_system(w, "create", PACKED_INDEX_NAME, err))
                    && write_bytes(w, fd, PACKED_INDEX_NAME, text, size, err)
                    && sync_fd(w, fd, PACKED_INDEX_NAME, err) && sync_fd(w, w->folder, ".", err);
    if (fd >= 0)
        close(fd);
    free(text);
    return ok;
}

static bool put_in_place(PackedWriter *w, Error *err)
{
    const char *to = path_name(w->path);
    if (renameat(w->parent, path_name(w->tmp), w->parent, to) != 0) {
        const bool there = errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR;
        return fail(err, there ? ERR_CONFLICT : error_of_system(errno),
                    "cannot rename %s to %s: %s", w->tmp, w->path, strerror(errno));
    }
    free(w->tmp);
    w->tmp = xstrdup(w->path);  // what is removed on failure
    return sync_fd(w, w->parent, "..", err);
}

bool packed_finish(PackedWriter *w, char digest[PACKED_DIGEST], Error *err)
{
    bool ok = (!w->failed || fail(err, ERR_IO, "cannot write %s: an earlier write failed", w->path))
              && (w->index.counts[PACKED_TRAIN] > 0
                  || fail(err, ERR_INVALID, "no picture of %s is for training", w->path))
              && finish_files(w, err) && write_index(w, err) && put_in_place(w, err);
    if (ok) {
        if (digest)
            memcpy(digest, w->index.digest, PACKED_DIGEST);
        free(w->tmp);
        w->tmp = NULL;
    }
    packed_abandon(w);
    return ok;
}

void packed_abandon(PackedWriter *w)
{
    if (!w)
        return;
    char unused[PACKED_DIGEST];
    for (PackedFile i = 0; i < PACKED_FILES; i++) {
        if (w->parts[i].fd >= 0)
            close(w->parts[i].fd);
        if (w->parts[i].sha.context)
            sha256_hex(&w->parts[i].sha, unused);
        free(w->parts[i].room);
    }
    if (w->tmp && w->folder >= 0)
        remove_files(w->folder);
    if (w->tmp)
        unlinkat(w->parent, path_name(w->tmp), AT_REMOVEDIR);
    if (w->folder >= 0)
        close(w->folder);
    if (w->parent >= 0)
        close(w->parent);
    free(w->tmp);
    free(w->path);
    packed_info_free(&w->index.info);
    free(w);
}
