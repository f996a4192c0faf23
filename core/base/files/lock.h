/* core/base/files/lock.h -- locks between processes: one daemon to a data folder, one training to a
 * run's folder, one writer to a cache.
 *
 * A lock (flock) belongs to the open file and is released when that is closed, however the process
 * ends. On a file system without locks nothing can be locked: ERR_IO.
 */
#pragma once
#include "core/base/error.h"

/* Lock a folder, or a file, which is made if it is not there. Tries for `wait_ms` milliseconds; 0:
 * once. Returns the descriptor, to be closed to unlock; -1 on failure. ERR_CONFLICT: another
 * process holds it. ERR_IO. */
int lock_take(const char *path, int wait_ms, Error *err);
