/* server/work/import_set.h -- the engine of imports (server/data/import/import.h), for the thread
 * that runs it and the manager that wants to know what came of it. */
#pragma once
#include "server/work/importer.h"

/* Bytes of pixels that an import keeps in memory: an eighth of what is free, 64 to 512 MB. */
size_t import_pixel_memory(void);

void import_set(const ImportOrder *order, DatasetOutcome *outcome);
