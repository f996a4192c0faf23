/* server/store/store_file.h -- the store's file, before SQLite may write to it. */
#pragma once
#include "core/base/error.h"

/* Make the file if there is none, and take other users' rights away from it. SQLite gives its log
 * the same rights.
 *
 * A file that is there is looked at without changing a byte. ERR_INVALID: it is a database of
 * another program, or no database at all; it stays as it is. ERR_IO, ERR_NO_SPACE. */
bool store_file_prepare(const char *path, Error *err);
