/* server/data/dataset_report.h -- the report of an import, a file that is sent as it is.
 *
 * Errors   ERR_NOT_FOUND: there is none. ERR_DAMAGED, with the reason "file_damaged": it is not the
 *          JSON that was written. ERR_IO; ERR_NO_MEMORY.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* *fd, the caller's, has *size bytes that are a JSON object: all of it has been read. */
bool dataset_report_open(const char *data, int64_t id, int *fd, size_t *size, Error *err);
