/* server/base/files.h -- folders and whole files. Errors are ERR_IO, or ERR_NO_SPACE for a full
 * disk, with the path and the reason.
 */
#pragma once
#include <limits.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/error.h"
#include "server/base/ids.h"

typedef struct {
    char text[PATH_MAX];
} Path;

/* `name` in a folder; empty, so that no call finds it, where it is too long. */
Path path_in(const char *folder, const char *name);

/* A folder that is there afterwards; its parent must be. ERR_IO. */
bool folder_make(const char *path, Error *err);
/* The same for a folder of our own, in which we must be able to list, to read and to write. */
bool folder_make_own(const char *path, Error *err);
/* Its names are on disk. ERR_IO. */
bool folder_sync(const char *path, Error *err);

/* Whether nothing in the folder has a name that `parse` reads, as in one that a disk is mounted
 * over later; true also where there is no such folder, false where it cannot be read. */
bool folder_lacks(const char *path, IdParser parse);

/* All of a file of at most `most` bytes, with a NUL after them; from malloc. `length` may be NULL.
 * ERR_NOT_FOUND; ERR_IO; ERR_INVALID: it is longer. */
bool file_text(const char *path, size_t most, char **text, size_t *length, Error *err);
/* The same for the rest of a stream; `label` stands for its name in messages. */
bool stream_text(FILE *stream, const char *label, size_t most, char **text, size_t *length,
                 Error *err);

/* The file has a second name: a hard link where the file system can, else a copy that is on disk.
 * What had that name before is gone. ERR_NOT_FOUND: there is no such file. */
bool file_link(const char *path, const char *name, Error *err);

/* open(2) of a path from the root that has no links in it: one that is there all the same, put
 * there since the path was resolved, is ELOOP or ENOTDIR. -1 and errno. */
int file_open_plain(const char *path, int flags);

/* True if there is no such file, now or before. */
bool file_remove(const char *path, Error *err);

/* Size and SHA-256, in hexadecimal, of a file. ERR_IO. */
bool file_digest(const char *path, int64_t *bytes, char sha256[65], Error *err);
