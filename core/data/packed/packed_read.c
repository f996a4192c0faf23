#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/files/file_map.h"
#include "core/base/files/file_read.h"
#include "core/base/memory.h"
#include "core/base/sha256.h"
#include "core/data/packed/packed.h"

enum { PIECE = 1 << 20 };  // bytes that packed_verify reads at a time

static char *path_of(const char *folder, const char *name)
{
    const size_t n = strlen(folder);
    return xasprintf(n > 0 && folder[n - 1] == '/' ? "%s%s" : "%s/%s", folder, name);
}

static size_t size_of(const PackedIndex *x, PackedFile file)
{
    const bool train = file == PACKED_TRAIN_PIXELS || file == PACKED_TRAIN_LABELS;
    const bool labels = file == PACKED_TRAIN_LABELS || file == PACKED_TEST_LABELS;
    const size_t count = (size_t)x->counts[train ? PACKED_TRAIN : PACKED_TEST];
    return count * (labels ? sizeof(uint16_t) : shape_count(x->info.image));
}

static bool has_file(const char *folder, const char *name)
{
    char *path = path_of(folder, name);
    const bool there = !file_is_gone(path);
    free(path);
    return there;
}

bool packed_is(const char *folder)
{
    return has_file(folder, PACKED_INDEX_NAME);
}

bool packed_has_parts(const char *folder)
{
    bool any = false;
    for (PackedFile i = 0; !any && i < PACKED_FILES; i++)
        any = has_file(folder, PACKED_FILE_NAMES[i]);
    return any;
}

static bool present(const char *folder, const char *name, Error *err)
{
    char *path = path_of(folder, name);
    const bool ok = access(path, R_OK) == 0
                    || (errno == ENOENT ? fail(err, ERR_NOT_FOUND, "%.400s is missing", path)
                                        : fail(err, ERR_IO, "%.400s cannot be read: %s", path,
                                               strerror(errno)));
    free(path);
    return ok;
}

bool packed_present(const char *folder, Error *err)
{
    bool ok = present(folder, PACKED_INDEX_NAME, err);
    for (PackedFile i = 0; ok && i < PACKED_FILES; i++)
        ok = present(folder, PACKED_FILE_NAMES[i], err);
    return ok;
}

bool packed_read_index(const char *folder, PackedIndex **index, Error *err)
{
    char *path = path_of(folder, PACKED_INDEX_NAME);
    uint8_t *text;
    size_t size;
    bool ok = file_read(path, PACKED_MAX_INDEX, &text, &size, err);
    if (ok) {
        ok = packed_index_parse(path, (const char *)text, size, index, err);
        free(text);
    }
    free(path);
    return ok;
}

static bool map_pixels(const char *folder, const PackedIndex *x, PackedFile file, Split *split,
                       FileMap **map, Error *err)
{
    const size_t size = size_of(x, file);
    if (size == 0)
        return true;
    char *path = path_of(folder, PACKED_FILE_NAMES[file]);
    const bool ok = file_map_open(path, size, map, err);
    if (ok)
        split->pixels = file_map_bytes(*map);
    free(path);
    return ok;
}

static bool decode_labels(const char *path, const uint8_t *bytes, const PackedIndex *x,
                          Split *split, Error *err)
{
    uint16_t *labels = malloc((size_t)split->count * sizeof *labels + 1);
    split->labels = labels;
    if (!labels)
        return fail(err, ERR_NO_MEMORY, "no memory for the labels of %s", path);
    for (int i = 0; i < split->count; i++) {
        labels[i] = (uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
        if (labels[i] >= x->info.classes)
            return fail(err, ERR_DAMAGED, "%s: label %d of example %d is outside the %d classes",
                        path, labels[i], i, x->info.classes);
    }
    return true;
}

static bool read_labels(const char *folder, const PackedIndex *x, PackedFile file, Split *split,
                        Error *err)
{
    char *path = path_of(folder, PACKED_FILE_NAMES[file]);
    const size_t want = size_of(x, file);
    uint8_t *bytes = NULL;
    size_t size;
    bool ok = file_read(path, want, &bytes, &size, err);
    if (!ok && err && err->code == ERR_INVALID)
        err->code = ERR_DAMAGED;
    if (ok && size != want)
        ok = fail(err, ERR_DAMAGED, "%s has %zu bytes, it should have %zu", path, size, want);
    ok = ok && decode_labels(path, bytes, x, split, err);
    free(bytes);
    free(path);
    return ok;
}

static bool open_splits(const char *folder, const PackedIndex *x, Dataset *d, Error *err)
{
    d->train.count = x->counts[PACKED_TRAIN];
    d->test.count = x->counts[PACKED_TEST];
    return map_pixels(folder, x, PACKED_TRAIN_PIXELS, &d->train, &d->maps[PACKED_TRAIN], err)
           && map_pixels(folder, x, PACKED_TEST_PIXELS, &d->test, &d->maps[PACKED_TEST], err)
           && read_labels(folder, x, PACKED_TRAIN_LABELS, &d->train, err)
           && read_labels(folder, x, PACKED_TEST_LABELS, &d->test, err);
}

bool packed_open(const char *folder, Dataset **dataset, Error *err)
{
    PackedIndex *x;
    if (!packed_read_index(folder, &x, err))
        return false;
    Dataset *d = xcalloc(1, sizeof *d);
    *d = (Dataset){.name = xstrdup(folder),
                   .image = x->info.image,
                   .classes = x->info.classes,
                   .class_names = x->info.class_names,
                   .packed = x};
    if (!open_splits(folder, x, d, err)) {
        dataset_free(d);
        return false;
    }
    *dataset = d;
    return true;
}

/* Hashes what is left of a file, *size bytes. */
static bool hash_file(int fd, const char *path, Sha256 *sha, PackedGoOn *go_on, void *context,
                      Error *err)
{
    uint8_t *piece = xcalloc(PIECE, 1);
    bool ok = true;
    for (ssize_t got = 1; ok && got != 0;) {
        got = read(fd, piece, PIECE);
        if (got < 0 && errno != EINTR)
            ok = fail(err, ERR_IO, "cannot read %s: %s", path, strerror(errno));
        if (got > 0)
            sha256_add(sha, piece, (size_t)got);
        if (ok && go_on && !go_on(context))
            ok = fail(err, ERR_STOPPED, "stopped while %s was read", path);
    }
    free(piece);
    return ok;
}

static bool verify_file(const char *folder, const PackedIndex *x, PackedFile file,
                        PackedGoOn *go_on, void *context, Error *err)
{
    char *path = path_of(folder, PACKED_FILE_NAMES[file]), hex[PACKED_DIGEST];
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    Sha256 sha = sha256_new();
    bool ok = fd >= 0
              || fail(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open %s: %s", path,
                      strerror(errno));
    ok = ok && hash_file(fd, path, &sha, go_on, context, err);
    sha256_hex(&sha, hex);
    if (ok && strcmp(hex, x->sha256[file]) != 0)
        ok = fail(err, ERR_DAMAGED, "%s has been changed: its checksum is another", path);
    if (fd >= 0)
        close(fd);
    free(path);
    return ok;
}

bool packed_verify(const char *folder, PackedGoOn *go_on, void *context, Error *err)
{
    Dataset *d;
    if (!packed_open(folder, &d, err))  // sizes and labels
        return false;
    bool ok = true;
    for (PackedFile i = 0; ok && i < PACKED_FILES; i++)
        ok = verify_file(folder, d->packed, i, go_on, context, err);
    dataset_free(d);
    return ok;
}
