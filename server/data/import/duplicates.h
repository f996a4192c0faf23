/* server/data/import/duplicates.h -- which pictures are the same, and which look alike. */
#pragma once
#include "core/base/error.h"
#include "server/data/import/records.h"

/* Fetches the prepared pixels of a record. */
typedef bool RecordPixels(void *context, size_t record, uint8_t *pixels, Error *err);

/* Fill `same` and `near` of all records that are kept. Pixels, of `picture_bytes` each, are asked
 * for only where the traits leave it open whether they are equal. A picture of one colour has no
 * look of its own: it is near to none but its equals. Errors: those of `pixels_of`. */
bool duplicates_find(Records *records, size_t picture_bytes, RecordPixels *pixels_of, void *context,
                     Error *err);
