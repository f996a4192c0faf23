/* core/base/atomic_file.h -- a file that is there whole or not at all.
 *
 * Bytes go to "<path>.tmp"; atomic_file_commit forces them to disk, renames, and forces the folder.
 * Until then, and after any failure, `path` is what it was.
 *
 * Errors   ERR_IO, naming the file and the system's reason. After one, every later call fails too
 * and commit cleans up. A failed fsync is not tried again: the kernel may have dropped the data.
 */
#pragma once
#include <stddef.h>

#include "core/base/error.h"

typedef struct AtomicFile AtomicFile;

bool atomic_file_open(const char *path, AtomicFile **file, Error *err);
bool atomic_file_write(AtomicFile *file, const void *bytes, size_t size, Error *err);
bool atomic_file_commit(AtomicFile *file, Error *err);  // frees it, also on failure
void atomic_file_cancel(AtomicFile *file);              // frees it; takes NULL
