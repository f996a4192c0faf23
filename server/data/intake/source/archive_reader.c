#include "server/data/intake/source/archive_reader.h"

#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"

enum { ZIP_BLOCK = 1 << 16 };

struct ArchiveReader {
    const char *label;
    ArchiveKind kind;
    const SourceOptions *options;
    struct archive *archive;
    ArchiveBytes *stream;  // NULL for a zip
    // libarchive converts names that are UTF-8 to the locale's encoding, which must be UTF-8, too.
    locale_t utf8;
    bool is_empty;  // a zip of nothing, which libarchive does not take for one
    struct archive_entry *entry;
    char *name;
    size_t members;
    uint8_t *bytes;
    size_t room;
};

static bool open_zip(ArchiveReader *r, int fd)
{
    char head[4] = "";
    r->is_empty = pread(fd, head, sizeof head, 0) == 4 && memcmp(head, "PK\5\6", 4) == 0;
    if (r->is_empty)
        return true;
    return lseek(fd, 0, SEEK_SET) == 0
           // The seekable reader alone: the other one takes what is left of a zip that was cut off.
           && archive_read_support_format_zip_seekable(r->archive) == ARCHIVE_OK
           && archive_read_open_fd(r->archive, fd, ZIP_BLOCK) == ARCHIVE_OK;
}

static bool open_tar(ArchiveReader *r, int fd, Error *err)
{
    return archive_bytes_open(r->options, fd, &r->stream, err)
           && archive_read_support_format_tar(r->archive) == ARCHIVE_OK
           && archive_read_open(r->archive, r->stream, NULL, archive_bytes_read, NULL)
                  == ARCHIVE_OK;
}

/* What went wrong, with the place. */
static bool broken(ArchiveReader *r, const char *what, Error *err)
{
    const Error *behind = r->stream ? archive_bytes_error(r->stream) : NULL;
    if (behind)
        return fail_with(err, behind);
    if (archive_errno(r->archive) == ENOMEM)
        return fail(err, ERR_NO_MEMORY, "no memory to read %s", r->label);
    if (r->kind == ARCHIVE_ZIP && r->members == 0)
        return fail(
            err, ERR_INVALID,
            "%s is a zip that is damaged or cut off: the list of files at its end cannot be "
            "read: %s",
            r->label, what);
    return fail(err, ERR_INVALID,
                "%s is damaged or cut off at entry %zu%s%.200s, byte %" PRId64 ": %s", r->label,
                r->members, r->name ? ", " : "", r->name ? r->name : "",
                (int64_t)archive_filter_bytes(r->archive, -1), what);
}

static bool broken_as_told(ArchiveReader *r, Error *err)
{
    const char *told = archive_error_string(r->archive);
    return broken(r, told ? told : "its contents contradict themselves", err);
}

bool archive_reader_open(const SourceOptions *options, int fd, ArchiveKind kind,
                         ArchiveReader **reader, Error *err)
{
    ArchiveReader *r = xcalloc(1, sizeof *r);
    *r = (ArchiveReader){.label = options->label, .kind = kind, .options = options};
    r->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    r->archive = archive_read_new();
    *reader = r;
    Error why = {0};
    if (!r->archive)
        fail(&why, ERR_NO_MEMORY, "no memory to read %s", r->label);
    else if (kind == ARCHIVE_ZIP ? open_zip(r, fd) : open_tar(r, fd, &why))
        return true;
    else if (why.code == ERR_NONE)
        broken_as_told(r, &why);
    archive_reader_close(r);
    *reader = NULL;
    return fail_with(err, &why);
}

void archive_reader_close(ArchiveReader *r)
{
    if (!r)
        return;
    if (r->archive)
        archive_read_free(r->archive);
    archive_bytes_close(r->stream);
    if (r->utf8)
        freelocale(r->utf8);
    free(r->name);
    free(r->bytes);
    free(r);
}

/* The end of the archive: whether all of it was there. */
static ArchiveStep finish(ArchiveReader *r, Error *err)
{
    free(r->name);
    r->name = NULL;
    if (!r->stream)
        return ARCHIVE_END;
    const int64_t used = archive_filter_bytes(r->archive, 0);
    if (!archive_bytes_drain(r->stream, err))
        return ARCHIVE_BROKEN;
    // libarchive takes the end of the file for the end of the archive.
    if (used >= archive_bytes_count(r->stream) && !archive_bytes_end_marked(r->stream)) {
        fail(err, ERR_INVALID,
             "%s is cut off after entry %zu: the zeros at the end of a tar are missing", r->label,
             r->members);
        return ARCHIVE_BROKEN;
    }
    return ARCHIVE_END;
}

static MemberType type_of(struct archive_entry *entry, const char *name, bool is_zip)
{
    const size_t length = strlen(name);
    if (archive_entry_hardlink(entry) || archive_entry_filetype(entry) == AE_IFLNK)
        return MEMBER_LINK;
    if (archive_entry_filetype(entry) == AE_IFDIR)
        return MEMBER_FOLDER;
    // Zips from Windows may have a folder as an empty file "cats\".
    if (is_zip && length > 0 && strchr("/\\", name[length - 1]) && archive_entry_size(entry) == 0)
        return MEMBER_FOLDER;
    return archive_entry_filetype(entry) == AE_IFREG ? MEMBER_FILE : MEMBER_SPECIAL;
}

static char *name_of(struct archive_entry *entry)
{
    const char *name = archive_entry_pathname(entry);
    if (!name)
        name = archive_entry_pathname_utf8(entry);
    return xstrdup(name ? name : "");
}

static bool check_member(ArchiveReader *r, Error *err)
{
    if (archive_entry_is_encrypted(r->entry))
        return fail(err, ERR_INVALID,
                    "%s is encrypted (entry %zu, %.200s): pack it again without a password",
                    r->label, r->members, r->name);
    return archive_entry_size(r->entry) >= 0 || broken(r, "its size is negative", err);
}

ArchiveStep archive_reader_next(ArchiveReader *r, ArchiveMember *member, Error *err)
{
    const locale_t before = r->utf8 ? uselocale(r->utf8) : (locale_t)0;
    const int result = r->is_empty ? ARCHIVE_EOF : archive_read_next_header(r->archive, &r->entry);
    ArchiveStep step = ARCHIVE_BROKEN;
    if (result == ARCHIVE_EOF) {
        step = finish(r, err);
    } else if (result == ARCHIVE_OK || result == ARCHIVE_WARN) {
        r->members++;
        free(r->name);
        r->name = name_of(r->entry);
        if (check_member(r, err))
            step = ARCHIVE_MEMBER;
        *member = (ArchiveMember){.name = r->name,
                                  .type = type_of(r->entry, r->name, r->kind == ARCHIVE_ZIP),
                                  .size = archive_entry_size(r->entry)};
    } else {
        broken_as_told(r, err);
    }
    if (before)
        uselocale(before);
    return step;
}

/* Makes room for `need` bytes of a file of `size`; what is new is zeroed. */
static bool reserve(ArchiveReader *r, size_t need, size_t size, Error *err)
{
    if (need <= r->room)
        return true;
    size_t room = 2 * r->room > need ? 2 * r->room : need;
    room = room > size ? size : room;
    uint8_t *bytes = realloc(r->bytes, room);
    if (!bytes)
        return fail(err, ERR_NO_MEMORY, "no memory for the %zu MB of %.200s in %s", size >> 20,
                    r->name, r->label);
    r->bytes = bytes;
    r->room = room;
    return true;
}

/* Puts a block of data where it belongs; the hole of a sparse file before it is zeros. */
static bool place(ArchiveReader *r, const void *block, size_t length, int64_t offset, size_t *have,
                  Error *err)
{
    const size_t size = (size_t)archive_entry_size(r->entry);
    if (offset < (int64_t)*have || (uint64_t)offset > size || length > size - (size_t)offset)
        return broken(r, "it has more data than it promises", err);
    const size_t start = (size_t)offset;
    if (!reserve(r, start + length, size, err))
        return false;
    if (start > *have)
        memset(r->bytes + *have, 0, start - *have);
    if (length > 0)
        memcpy(r->bytes + start, block, length);
    *have = start + length;
    return true;
}

bool archive_reader_data(ArchiveReader *r, const uint8_t **bytes, size_t *size, Error *err)
{
    const void *block;
    size_t length, have = 0;
    la_int64_t offset;
    int result;
    while ((result = archive_read_data_block(r->archive, &block, &length, &offset)) == ARCHIVE_OK)
        if (!place(r, block, length, offset, &have, err))
            return false;
    // A warning is a wrong checksum or size.
    if (result != ARCHIVE_EOF)
        return broken_as_told(r, err);
    *size = (size_t)archive_entry_size(r->entry);
    const bool sparse = archive_entry_sparse_count(r->entry) > 0;
    if (have < *size && (!sparse || !place(r, NULL, 0, (int64_t)*size, &have, err)))
        return sparse ? false : broken(r, "it has less data than it promises", err);
    *bytes = r->bytes;
    return true;
}
