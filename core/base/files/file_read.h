/* core/base/files/file_read.h -- all of a regular file, and whether there is one. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* At most `most` bytes, with a NUL behind them; from malloc, at an address for any type. Never
 * waits for a named pipe. ERR_NOT_FOUND; ERR_IO; ERR_INVALID: not a regular file, or longer;
 * ERR_NO_MEMORY. */
bool file_read(const char *path, size_t most, uint8_t **bytes, size_t *size, Error *err);

/* Whether nothing is at `path`. What cannot be told, as for lack of a right, is no. */
bool file_is_gone(const char *path);
