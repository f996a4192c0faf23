/* server/work/importer.h -- the thread that imports data sets, one at a time, beside the trainings.
 *
 * It takes sets from the manager (server/data/datasets_import.h), has an engine read the source and
 * write the packed pictures, and tells the manager what came of it.
 */
#pragma once
#include "server/data/datasets_import.h"

/* What the engine is to do: read `source`, a folder or an archive, and make `folder` of it, whole
 * or not at all. `progress` answers "go on?" and is to be asked several times a second. */
typedef struct {
    const DatasetRow *set;  // image, test_share, seed
    const char *source, *folder;
    const char *report;  // a file for what was found, where no folder comes of it
    int decoders;        // processes side by side
    bool (*progress)(void *context, int64_t done, int64_t total);
    void *context;
} ImportOrder;

/* Fills *outcome, whose texts are from malloc then; `ready` says whether it went well. Told to end
 * it leaves nothing behind and the code "". */
typedef void ImportEngine(const ImportOrder *order, DatasetOutcome *outcome);

typedef struct {
    Datasets *sets;     // borrowed, as all here
    const char *data;   // folder of everything that must last
    int decoders;       // processes; at least 1
    ImportEngine *run;  // import_set of server/work/import_set.h; tests have others
    Log *log;
} ImporterConfig;

typedef struct Importer Importer;

/* ERR_NO_MEMORY: no thread is available. */
bool importer_start(const ImporterConfig *config, Importer **importer, Error *err);

/* Tell it to end, and wait so long for it. False: it was too slow, and the process must now end
 * without freeing anything it uses. The import begins again at the next start. Takes NULL. */
bool importer_stop(Importer *importer, double seconds);
