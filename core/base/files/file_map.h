/* core/base/files/file_map.h -- a file mapped read-only, so that it may be larger than memory.
 *
 * The system answers the reading of a mapped page that is not to be had, because the file has been
 * shortened or the disk fails, with SIGBUS, which ends a process. Here a handler puts a page of
 * zeros in its place and marks the map; file_map_intact then says so. A SIGBUS anywhere else goes
 * to whatever handled it before. A thread that reads a map must not block SIGBUS
 * (core/base/threads/thread.h).
 *
 * The handler's table of maps is the one thing here that is common to the process: a signal handler
 * gets no context.
 *
 * Errors   ERR_NOT_FOUND, ERR_IO. ERR_DAMAGED: not of the size it should have. ERR_NO_MEMORY: too
 *          many maps, or no addresses left.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

typedef struct FileMap FileMap;

/* The file must be a regular one of exactly `size` bytes, at least 1. */
bool file_map_open(const char *path, size_t size, FileMap **map, Error *err);
void file_map_close(FileMap *map);  // takes NULL
const uint8_t *file_map_bytes(const FileMap *map);

/* False once a page could not be read, or the file has another size or time of change than when it
 * was opened: ERR_DAMAGED. A check after reading holds for all that was read before. */
bool file_map_intact(const FileMap *map, Error *err);
/* Ask the system to read these bytes ahead; it may not. */
void file_map_will_need(const FileMap *map, size_t offset, size_t size);
