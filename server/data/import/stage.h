/* server/data/import/stage.h -- the first half of an import: every picture decoded and staged. */
#pragma once
#include "server/data/import/import.h"
#include "server/data/import/records.h"
#include "server/data/import/staging.h"
#include "server/data/intake/source/source.h"

typedef struct {
    const ImportConfig *config;
    Source *source;
    const Layout *layout;
    Staging *staging;
    Records *records;      // for each item of the layout, zeroed
    ImportReport *report;  // gets what is left out, and the decoders' walls
} Stage;

/* Tell how far the import has come. ERR_STOPPED: it is not to go on. */
bool import_goes_on(const ImportConfig *config, int64_t done, int64_t total, Error *err);

/* Errors as import_run's. */
bool stage_files(Stage *stage, Error *err);   // a layout of picture files
bool stage_images(Stage *stage, Error *err);  // one whose layout holds the pixels (IDX)
