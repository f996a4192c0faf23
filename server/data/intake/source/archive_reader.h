/* server/data/intake/source/archive_reader.h -- one way through an archive file, entry by entry.
 *
 * zip (also zip64), tar (v7, ustar, pax, GNU, sparse files) and tar.gz. Names come as the bytes
 * that the archive has, or as UTF-8 in normal form C where it says that they are UTF-8. Damage of
 * any kind fails, with the entry and the byte: a wrong checksum, less or more data than promised, a
 * missing end. So does the first encrypted entry, and a zip whose list of files at the end is
 * missing: what can still be guessed from the rest is not what was packed.
 */
#pragma once
#include "server/data/intake/source/archive_bytes.h"

typedef struct ArchiveReader ArchiveReader;

/* From the file's beginning. The options must outlive it; `fd` too, whose position moves. */
bool archive_reader_open(const SourceOptions *options, int fd, ArchiveKind kind,
                         ArchiveReader **reader, Error *err);
void archive_reader_close(ArchiveReader *reader);  // takes NULL

typedef enum { MEMBER_FILE, MEMBER_FOLDER, MEMBER_LINK, MEMBER_SPECIAL } MemberType;

typedef struct {
    const char *name;  // until the next call
    MemberType type;
    int64_t size;
} ArchiveMember;

typedef enum { ARCHIVE_MEMBER, ARCHIVE_END, ARCHIVE_BROKEN } ArchiveStep;

/* ARCHIVE_END: the archive is whole as far as it was read; a tar's stream was read to its end. */
ArchiveStep archive_reader_next(ArchiveReader *reader, ArchiveMember *member, Error *err);

/* All data of the current file, valid until the next call. At most its size, which the caller has
 * checked. */
bool archive_reader_data(ArchiveReader *reader, const uint8_t **bytes, size_t *size, Error *err);
