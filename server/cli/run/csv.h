/* server/cli/run/csv.h -- the rows that a training leaves behind, complete whatever happens.
 *
 * A row is on disk before the call returns, and so before a checkpoint of a later step is. After a
 * crash the file may hold rows beyond the newest checkpoint, and half a row; opening cuts both off,
 * so that a resumed training writes each of them once.
 */
#pragma once
#include <stdint.h>

#include "core/base/error.h"

typedef struct Csv Csv;

/* ERR_INVALID: the file there has another header, and so is none of ours. Changes nothing. */
bool csv_check(const char *path, const char *header, Error *err);

/* Open `path` for appending and keep of it the rows whose first column is at most `last` (below 0:
 * none). A new file gets the header. ERR_IO; ERR_INVALID: the file there has another header, and so
 * is none of ours. */
bool csv_open(const char *path, const char *header, int64_t last, Csv **csv, Error *err);
void csv_close(Csv *csv);  // takes NULL

/* One row; every number as the shortest text that reads back as the same. ERR_IO. */
bool csv_write(Csv *csv, const double *values, int count, Error *err);

/* Call `row` for each row with `count` numbers in it, in order. ERR_IO, ERR_NOT_FOUND. */
bool csv_each(const char *path, int count, void (*row)(void *context, const double *values),
              void *context, Error *err);
