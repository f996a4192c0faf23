/* server/data/intake/source/archive_bytes.h -- the bytes of an archive file, unpacked where it is
 * gzip.
 *
 * zlib and not libarchive's own filter: that one does not look at gzip's checksum. More bytes than
 * `limits` let the file expand to are an error, as is gzip data that is damaged or cut off.
 */
#pragma once
#include <archive.h>

#include "core/base/error.h"
#include "server/data/intake/limits.h"

typedef enum { ARCHIVE_ZIP, ARCHIVE_TAR, ARCHIVE_TAR_GZ } ArchiveKind;

/* What the file is by its first bytes. ERR_INVALID: none of these; a known kind is named. */
bool archive_recognise(const char *label, int fd, ArchiveKind *kind, Error *err);

typedef struct ArchiveBytes ArchiveBytes;

/* From the file's beginning; the options, whose limits and label must be there, must outlive it. */
bool archive_bytes_open(const SourceOptions *options, int fd, ArchiveBytes **bytes, Error *err);
void archive_bytes_close(ArchiveBytes *bytes);  // takes NULL

/* The callback of archive_read_open(), whose context is the ArchiveBytes. */
ssize_t archive_bytes_read(struct archive *archive, void *bytes, const void **buffer);

/* Read what the archive's format has left, so that the last checksum is compared. */
bool archive_bytes_drain(ArchiveBytes *bytes, Error *err);

/* Whether the stream, read to its end, ends with the zeros that mark the end of a tar. */
bool archive_bytes_end_marked(const ArchiveBytes *bytes);
int64_t archive_bytes_count(const ArchiveBytes *bytes);  // that came

/* The error behind a callback that failed; NULL: none did. */
const Error *archive_bytes_error(const ArchiveBytes *bytes);
