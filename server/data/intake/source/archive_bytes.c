#include "server/data/intake/source/archive_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/base/memory.h"

enum {
    CHUNK = 1 << 17,
    TAR_BLOCK = 512,
};

struct ArchiveBytes {
    const SourceOptions *options;
    const char *label;  // theirs
    gzFile file;
    int64_t count;  // bytes that came
    int64_t most;   // that may come
    uint8_t tail[TAR_BLOCK];
    Error err;
    uint8_t chunk[CHUNK];
};

/* Kinds of files that are told from others only to say so. */
static const struct {
    const char *name;
    const char *magic;
    size_t length, offset;
} OTHERS[] = {
    {"a 7z archive", "7z\xbc\xaf", 4, 0},
    {"a RAR archive", "Rar!", 4, 0},
    {"an xz file",
     "\xfd"
     "7zXZ",
     5, 0},
    {"a bzip2 file", "BZh", 3, 0},
    {"a zstd file", "\x28\xb5\x2f\xfd", 4, 0},
    {"a single PNG picture", "\x89PNG", 4, 0},
    {"a single JPEG picture", "\xff\xd8\xff", 3, 0},
    {"a single GIF picture", "GIF8", 4, 0},
    {"a single WebP picture", "WEBP", 4, 8},
    {"a video", "ftyp", 4, 4},
    {"a PDF", "%PDF", 4, 0},
    {"a web page", "<!DOCTYPE", 9, 0},
    {"a web page", "<!doctype", 9, 0},
    {"a web page", "<html", 5, 0},
};

/* What begins so, in words; the name of a kind, or what there is to be seen. */
static void describe(const uint8_t *head, size_t size, char *text, size_t room)
{
    enum { SHOWN = 12 };
    const size_t shown = size < SHOWN ? size : SHOWN;
    bool plain = true;
    for (size_t i = 0; i < COUNT(OTHERS); i++) {
        const size_t end = OTHERS[i].offset + OTHERS[i].length;
        if (size < end || memcmp(head + OTHERS[i].offset, OTHERS[i].magic, OTHERS[i].length) != 0)
            continue;
        snprintf(text, room, "%s", OTHERS[i].name);
        return;
    }
    for (size_t i = 0; i < shown; i++)
        plain = plain && head[i] >= 0x20 && head[i] < 0x7f && head[i] != '"';
    if (plain) {
        snprintf(text, room, "text that begins \"%.*s\"", (int)shown, (const char *)head);
        return;
    }
    int length = snprintf(text, room, "of a kind that is not known, its first bytes are");
    for (size_t i = 0; i < shown; i++)
        length += snprintf(text + length, room - (size_t)length, " %02x", head[i]);
}

static bool not_an_archive(const char *label, const uint8_t *head, size_t size, Error *err)
{
    char what[128] = "an empty file";
    if (size > 0)
        describe(head, size, what, sizeof what);
    return fail(err, ERR_INVALID, "%s is %s; it must be a zip, tar or tar.gz archive", label, what);
}

/* A tar's first header has a checksum: the sum of its bytes, its own eight taken for spaces. */
static bool is_tar_header(const uint8_t *block)
{
    char digits[9] = {0};
    memcpy(digits, block + 148, 8);
    unsigned long sum = 8 * ' ';
    for (int i = 0; i < TAR_BLOCK; i++)
        sum += i >= 148 && i < 156 ? 0 : block[i];
    char *end;
    return sum != 8 * ' ' && strtoul(digits, &end, 8) == sum && end != digits;
}

/* A tar without entries is zeros. */
static bool is_zeros(const uint8_t *block)
{
    return block[0] == 0 && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

bool archive_bytes_open(const SourceOptions *options, int fd, ArchiveBytes **bytes, Error *err)
{
    const char *label = options->label;
    const IntakeLimits *limits = options->limits;
    *bytes = NULL;
    struct stat info;
    const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0 || lseek(own, 0, SEEK_SET) != 0 || fstat(own, &info) != 0) {
        fail(err, ERR_IO, "cannot read %s: %s", label, strerror(errno));
        if (own >= 0)
            close(own);
        return false;
    }
    const gzFile file = gzdopen(own, "rb");
    if (!file) {
        close(own);
        return fail(err, ERR_NO_MEMORY, "no memory to unpack %s", label);
    }
    gzbuffer(file, CHUNK);
    ArchiveBytes *b = xcalloc(1, sizeof *b);
    b->options = options;
    b->label = label;
    b->file = file;
    b->most = info.st_size > (INT64_MAX - limits->free_bytes) / limits->expansion
                  ? INT64_MAX
                  : limits->free_bytes + limits->expansion * info.st_size;
    *bytes = b;
    return true;
}

void archive_bytes_close(ArchiveBytes *b)
{
    if (!b)
        return;
    gzclose(b->file);
    free(b);
}

static void keep_tail(ArchiveBytes *b, size_t got)
{
    const size_t taken = got < TAR_BLOCK ? got : TAR_BLOCK;
    memmove(b->tail, b->tail + taken, TAR_BLOCK - taken);
    memcpy(b->tail + TAR_BLOCK - taken, b->chunk + got - taken, taken);
}

/* What zlib says after a read that gave `got` bytes. */
static bool check_read(ArchiveBytes *b, int got)
{
    int code;
    gzerror(b->file, &code);
    const int64_t place = gzoffset(b->file);
    if (code == Z_ERRNO)
        return fail(&b->err, ERR_IO, "cannot read %s: %s", b->label, strerror(errno));
    if (code == Z_MEM_ERROR)
        return fail(&b->err, ERR_NO_MEMORY, "no memory to unpack %s", b->label);
    if (code == Z_BUF_ERROR)
        return fail(&b->err, ERR_INVALID, "%s is cut off: its gzip data ends at byte %" PRId64,
                    b->label, place);
    if (got < 0 || code < 0)
        return fail(&b->err, ERR_INVALID,
                    "%s is damaged: its gzip data is wrong near byte %" PRId64, b->label, place);
    if (b->count > b->most)
        return fail(&b->err, ERR_INVALID,
                    "%s unpacks to more than %" PRId64 " bytes, which its size does not justify",
                    b->label, b->most);
    return true;
}

ssize_t archive_bytes_read(struct archive *archive, void *context, const void **buffer)
{
    ArchiveBytes *b = context;
    if (b->options->go_on && !b->options->go_on(b->options->context)) {
        fail(&b->err, ERR_STOPPED, "reading %s was stopped", b->label);
        return ARCHIVE_FATAL;
    }
    errno = 0;
    const int got = gzread(b->file, b->chunk, CHUNK);
    if (got > 0) {
        b->count += got;
        keep_tail(b, (size_t)got);
    }
    if (!check_read(b, got)) {
        if (archive)
            archive_set_error(archive, EIO, "%s", b->err.message);
        return ARCHIVE_FATAL;
    }
    *buffer = b->chunk;
    return got;
}

bool archive_bytes_drain(ArchiveBytes *b, Error *err)
{
    const void *chunk;
    ssize_t got;
    do
        got = archive_bytes_read(NULL, b, &chunk);
    while (got > 0);
    return got == 0 || fail_with(err, &b->err);
}

bool archive_bytes_end_marked(const ArchiveBytes *b)
{
    return b->count >= TAR_BLOCK && is_zeros(b->tail);
}

int64_t archive_bytes_count(const ArchiveBytes *b)
{
    return b->count;
}

const Error *archive_bytes_error(const ArchiveBytes *b)
{
    return b->err.code != ERR_NONE ? &b->err : NULL;
}

static bool recognise_tar(ArchiveBytes *b, Error *err)
{
    const bool is_gzip = !gzdirect(b->file);
    const int got = gzread(b->file, b->chunk, TAR_BLOCK);
    if (got == TAR_BLOCK && (is_tar_header(b->chunk) || is_zeros(b->chunk)))
        return true;
    if (!is_gzip)
        return not_an_archive(b->label, b->chunk, got < 0 ? 0 : (size_t)got, err);
    if (got < TAR_BLOCK && !check_read(b, got))
        return fail_with(err, &b->err);
    return fail(err, ERR_INVALID,
                "%s is gzip data, but not of a tar; it must be a zip, tar or tar.gz archive",
                b->label);
}

bool archive_recognise(const char *label, int fd, ArchiveKind *kind, Error *err)
{
    uint8_t head[4] = {0};
    const ssize_t got = pread(fd, head, sizeof head, 0);
    if (got < 0)
        return fail(err, ERR_IO, "cannot read %s: %s", label, strerror(errno));
    if (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "PK\5\6", 4) == 0
        || memcmp(head, "PK\7\10", 4) == 0) {
        *kind = ARCHIVE_ZIP;
        return true;
    }
    *kind = head[0] == 0x1f && head[1] == 0x8b ? ARCHIVE_TAR_GZ : ARCHIVE_TAR;
    const IntakeLimits limits = intake_limits_default();
    const SourceOptions options = {.limits = &limits, .label = label};
    ArchiveBytes *bytes;
    if (!archive_bytes_open(&options, fd, &bytes, err))
        return false;
    const bool ok = recognise_tar(bytes, err);
    archive_bytes_close(bytes);
    return ok;
}
