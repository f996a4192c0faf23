/* server/jobs/files/reserve.h -- space that is kept for the moment when the disk is full.
 *
 * DATA/reserve is a file of allocated blocks with nothing in it. When a stop or a deletion finds
 * the disk full it is removed, and they have its space; while it is missing, other writes wait.
 */
#pragma once
#include "core/base/error.h"

/* Enough for the ends of many jobs and for a store's log between two of its checkpoints. */
enum { RESERVE_BYTES = 8 << 20 };

/* Allocate it if it is not there. ERR_NO_SPACE: there is no room for it and for as much besides,
 * since whoever needed the space of the last one shall have it; ERR_IO. */
bool reserve_make(const char *data, Error *err);

/* Give its space back to the disk. */
void reserve_release(const char *data);
