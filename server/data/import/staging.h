/* server/data/import/staging.h -- prepared pictures, aside until it is known where they belong.
 *
 * Decoders finish in any order, and the split waits for the duplicates, which are known when all
 * pictures are. The first of them stay in memory, the others go to a file, which has no name: it is
 * gone when the process is, however that ends.
 *
 * Errors   ERR_IO, ERR_NO_SPACE.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

typedef struct Staging Staging;

/* For `count` pictures of `picture_bytes`, up to `memory_bytes` of them in memory, in a folder on
 * the disk of the destination. */
bool staging_new(const char *folder, size_t picture_bytes, size_t count, size_t memory_bytes,
                 Staging **staging, Error *err);
void staging_free(Staging *s);  // takes NULL

bool staging_write(Staging *s, size_t i, const uint8_t *pixels, Error *err);
bool staging_read(Staging *s, size_t i, uint8_t *pixels, Error *err);
/* Pictures below i are not read any more; their space is given back. */
void staging_drop(Staging *s, size_t i);
