/* server/jobs/events/high_water.h -- the highest ids that were given, kept beside the store.
 *
 * A store that comes from an older backup knows less than the clients do. DATA/ids tells how far
 * the ids had come, so that none is given twice.
 */
#pragma once
#include "server/store/rows.h"

typedef struct {
    int64_t job, event, dataset;
} HighWater;

/* A file that is missing or unreadable says nothing: all is zero. */
HighWater high_water_read(const char *data);

/* ERR_IO, ERR_NO_SPACE. */
bool high_water_write(const char *data, const HighWater *mark, Error *err);
