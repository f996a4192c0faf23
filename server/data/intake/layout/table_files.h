/* server/data/intake/layout/table_files.h -- which entry a table means by a path. */
#pragma once
#include "server/data/intake/source/listing.h"

typedef struct TableFiles TableFiles;

/* Keeps the pointer to `listing`. */
TableFiles *table_files_new(const Listing *listing);
void table_files_free(TableFiles *files);

enum { TABLE_FILES_NONE = -1, TABLE_FILES_MANY = -2 };

/* The entry at `path` from the table's folder (the first `folder` bytes of `table`), else from the
 * top, else the only one whose path ends with "/" and `path`; else the same with the ending of a
 * picture behind it. Letters with marks are equal however they are written
 * (core/base/nfc.h). */
ptrdiff_t table_files_find(const TableFiles *files, const char *table, size_t folder,
                           const char *path);
