/* core/base/files/atomic_file.h -- a file that is there whole or not at all.
 *
 * Bytes go to a temporary file in the same folder; atomic_file_commit forces them to disk, renames
 * it to `path` and forces the folder, in this order. Until the rename, and after any failure before
 * it, `path` is what it was. When forcing the folder fails, `path` is the new file, but a power
 * failure may bring the old one back.
 *
 * Temporaries are named "<path>.tmp-<12 hexadecimal digits>". Each writer has one of its own, so
 * any number of them may write one path, in one process or several: the last to commit wins. A
 * writer holds a lock (flock) on its temporary; one without a lock was left by a process that died,
 * and the next atomic_file_open in that folder removes it.
 *
 * Where `path` is a link to a file, that file is replaced and the link stays. What is there and is
 * no file, a folder or /dev/stdout, say, is not replaced: ERR_IO.
 *
 * Errors   ERR_IO, or ERR_NO_SPACE for a full disk, naming the file and the system's reason. After
 *          one, every later call fails too and commit cleans up. A failed fsync is not tried again:
 *          the kernel may have dropped the data.
 */
#pragma once
#include <stddef.h>

#include "core/base/error.h"

typedef struct AtomicFile AtomicFile;

bool atomic_file_open(const char *path, AtomicFile **file, Error *err);
bool atomic_file_write(AtomicFile *file, const void *bytes, size_t size, Error *err);
bool atomic_file_commit(AtomicFile *file, Error *err);  // frees it, also on failure
void atomic_file_cancel(AtomicFile *file);              // frees it; takes NULL

/* All four at once, for what is in memory already. */
bool atomic_file_save(const char *path, const void *bytes, size_t size, Error *err);
