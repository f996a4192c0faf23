/* server/base/files.h -- folders and whole files. Errors are ERR_IO with the path and the reason.
 */
#pragma once
#include <limits.h>
#include <stdint.h>

#include "core/base/error.h"

typedef struct {
    char text[PATH_MAX];
} Path;

/* A folder that is there afterwards; its parent must be. ERR_IO. */
bool folder_make(const char *path, Error *err);
/* Its names are on disk. ERR_IO. */
bool folder_sync(const char *path, Error *err);
/* Away with it and all that is in it. ERR_IO names what would not go. */
bool folder_remove(const char *path, Error *err);

/* A copy that is on disk; what stood at `to` is overwritten. */
bool file_copy(const char *from, const char *to, Error *err);

/* Size and SHA-256, in hexadecimal, of a file. ERR_IO. */
bool file_digest(const char *path, int64_t *bytes, char sha256[65], Error *err);
