/* server/data/datasets_import.h -- the data sets as the thread that imports sees them: take one,
 * fetch its source, tell how far it is, finish. See server/work/importer.h. */
#pragma once
#include "server/data/datasets.h"

/* Wait for a set to import. False: datasets_leave was called. */
bool datasets_take(Datasets *sets, DatasetRow *set);

/* Where the source of the set taken lies: an upload is fetched if it has not been yet. ERR_INVALID,
 * ERR_NOT_FOUND: it is not there any more. ERR_CONFLICT: it is not whole, or, with the reason
 * "locked", a client works on it. */
bool datasets_fetch(Datasets *sets, const DatasetRow *set, Path *source, Error *err);

/* How far the import of the set taken has come. False: end it, it was cancelled or the daemon
 * leaves, or its pixels have no room. Cheap: may be called for every picture. */
bool datasets_progress(Datasets *sets, int64_t done, int64_t total);

/* What came of it. */
typedef struct {
    bool ready;
    char code[DATASET_WORD], message[DATASET_TEXT];  // why not; "": the thread was told to end
    int64_t class_count, train_count, test_count, left_out_count;
    char *classes, *warnings;  // JSON arrays; of a set that is ready
    char digest[DATASET_DIGEST];
} DatasetOutcome;

/* End the import of the set taken. Waits for a disk that is full, until the daemon leaves: then the
 * import begins again at the next start. */
void datasets_finish(Datasets *sets, DatasetOutcome *outcome);

/* No more imports from now on: datasets_take and datasets_progress answer false. */
void datasets_leave(Datasets *sets);
