/* server/data/intake/source/archive_source.c -- an archive file as a source: read through once to
 * list it and once for each pass. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/data/intake/source/archive_reader.h"
#include "server/data/intake/source/source_ops.h"

typedef struct {
    Source source;
    int fd;
    int64_t file_size;
    ArchiveKind kind;
    Slashes slashes;
    ArchiveReader *reader;  // of the pass; NULL: there is none
    const bool *wanted;
    size_t seen;          // members in this pass
    ptrdiff_t *by_order;  // (listing.seen + 1), the entry that came at that place; -1: none
} ArchiveSource;

/* Whether all files together are too large for what the archive has. The stream of a tar.gz has
 * been measured as it came; this is for zips and sparse files. */
static bool check_expansion(ArchiveSource *a, Error *err)
{
    const IntakeLimits *limits = &a->source.limits;
    const int64_t contents = a->source.listing.total_bytes - limits->free_bytes;
    return contents <= 0 || contents / limits->expansion <= a->file_size
           || fail(err, ERR_INVALID,
                   "%s unpacks to %" PRId64 " bytes, more than %" PRId64
                   " times its size: it is not accepted",
                   a->source.label, a->source.listing.total_bytes, limits->expansion);
}

static bool add_member(ArchiveSource *a, const ArchiveMember *member, Error *err)
{
    Source *s = &a->source;
    switch (member->type) {
    case MEMBER_FOLDER:
        source_add_folder(s, member->name, a->slashes);
        return true;
    case MEMBER_FILE:
        return source_add_file(s, member->name, a->slashes, member->size, err)
               && check_expansion(a, err);
    default:
        source_leave_out(s, member->name, a->slashes,
                         member->type == MEMBER_LINK ? LEFT_LINK : LEFT_SPECIAL);
        return true;
    }
}

static bool list(ArchiveSource *a, Error *err)
{
    ArchiveReader *reader;
    if (!archive_reader_open(&a->source.options, a->fd, a->kind, &reader, err))
        return false;
    ArchiveMember member;
    ArchiveStep step;
    while ((step = archive_reader_next(reader, &member, err)) == ARCHIVE_MEMBER)
        if (!source_count(&a->source, err) || !add_member(a, &member, err)) {
            step = ARCHIVE_BROKEN;
            break;
        }
    archive_reader_close(reader);
    return step == ARCHIVE_END;
}

bool archive_source_open(Source *source, int fd, Error *err)
{
    static const char *const KINDS[] = {"zip", "tar", "tar.gz"};
    ArchiveSource *a = (ArchiveSource *)source;
    a->fd = fd;
    struct stat info;
    if (fstat(fd, &info) != 0)
        return fail(err, ERR_IO, "cannot read %s: %s", source->label, strerror(errno));
    a->file_size = info.st_size;
    if (!archive_recognise(source->label, fd, &a->kind, err))
        return false;
    source->kind = KINDS[a->kind];
    a->slashes = a->kind == ARCHIVE_ZIP ? SLASHES_BACKWARDS : SLASHES_ONLY;
    return list(a, err);
}

static void make_order(ArchiveSource *a)
{
    const Listing *listing = &a->source.listing;
    a->by_order = xcalloc(listing->seen + 1, sizeof *a->by_order);
    for (size_t i = 0; i <= listing->seen; i++)
        a->by_order[i] = -1;
    for (size_t i = 0; i < listing->count; i++)
        a->by_order[listing->entries[i].order] = (ptrdiff_t)i;
}

static bool begin(Source *source, const bool *wanted, Error *err)
{
    ArchiveSource *a = (ArchiveSource *)source;
    if (!a->by_order)
        make_order(a);
    a->wanted = wanted;
    a->seen = 0;
    return archive_reader_open(&source->options, a->fd, a->kind, &a->reader, err);
}

static void end(Source *source)
{
    ArchiveSource *a = (ArchiveSource *)source;
    archive_reader_close(a->reader);
    a->reader = NULL;
    a->wanted = NULL;
}

/* The entry that the member at this place is; -1: one that is left out or not wanted. */
static ptrdiff_t entry_of(const ArchiveSource *a)
{
    const ptrdiff_t entry = a->seen <= a->source.listing.seen ? a->by_order[a->seen] : -1;
    return entry >= 0 && (!a->wanted || a->wanted[entry]) ? entry : -1;
}

/* Whether it is what was listed: somebody may have written to the file since. */
static bool check_same(ArchiveSource *a, const ListedFile *entry, const ArchiveMember *member,
                       Error *err)
{
    const char *name = entry->raw ? entry->raw : entry->path;
    return (member->type == MEMBER_FILE && member->size == entry->size
            && strcmp(member->name, name) == 0)
           || fail(err, ERR_INVALID, "%s has changed while it was read: %.200s was there",
                   a->source.label, entry->path);
}

static SourceStep at_end(ArchiveSource *a, Error *err)
{
    if (a->seen == a->source.listing.seen)
        return SOURCE_END;
    fail(err, ERR_INVALID, "%s has changed while it was read: it had %zu entries and has %zu",
         a->source.label, a->source.listing.seen, a->seen);
    return SOURCE_FAILED;
}

static SourceStep next(Source *source, SourceFile *file, Error *err)
{
    ArchiveSource *a = (ArchiveSource *)source;
    ArchiveMember member;
    ArchiveStep step;
    while ((step = archive_reader_next(a->reader, &member, err)) == ARCHIVE_MEMBER) {
        a->seen++;
        const ptrdiff_t entry = entry_of(a);
        if (entry < 0)
            continue;
        *file = (SourceFile){.entry = (size_t)entry};
        if (check_same(a, &source->listing.entries[entry], &member, err)
            && archive_reader_data(a->reader, &file->bytes, &file->size, err))
            return SOURCE_FILE;
        return SOURCE_FAILED;
    }
    return step == ARCHIVE_END ? at_end(a, err) : SOURCE_FAILED;
}

static void close_archive(Source *source)
{
    ArchiveSource *a = (ArchiveSource *)source;
    if (a->fd >= 0)
        close(a->fd);
    free(a->by_order);
}

Source *archive_source_new(void)
{
    static const SourceOps OPS = {begin, next, end, close_archive};
    ArchiveSource *a = xcalloc(1, sizeof *a);
    a->source.ops = &OPS;
    a->source.kind = "archive";
    a->fd = -1;
    return &a->source;
}
