/* server/data/datasets_import.h -- the data sets as the thread that imports sees them: take one,
 * fetch its source, tell how far it is, finish. See server/work/importer.h. */
#pragma once
#include "server/data/datasets.h"

/* Wait for a set to import. False: datasets_leave was called. */
bool datasets_take(Datasets *sets, DatasetRow *set);

/* Whether the folder of data sets is there, and with it what is known to lie in it, the source of
 * the set taken as well (NULL: of none): false with a sentence where a disk is away, and then
 * nothing may be written to it. What a disk brings that was away at the start is taken from the
 * quota then. */
bool datasets_may_write(Datasets *sets, const DatasetRow *set, Error *err);
/* Let a second pass; false: end the import, as datasets_progress. `why` goes to the log; NULL:
 * nothing does. */
bool datasets_pause(Datasets *sets, const char *why);

/* The folder of the set taken, without what an import that did not end has left: the start that
 * would have removed it may have found the disk away. ERR_IO, ERR_NO_SPACE. */
bool datasets_make_folder(Datasets *sets, int64_t id, Error *err);

/* Where the source of the set taken lies: an upload is fetched if it has not been yet. ERR_INVALID,
 * ERR_NOT_FOUND: it is not there any more. ERR_CONFLICT: it is not whole, or, with the reason
 * "locked", a client works on it. */
bool datasets_fetch(Datasets *sets, const DatasetRow *set, Path *source, Error *err);

/* How far the import of the set taken has come. False: end it, it was cancelled or the daemon
 * leaves, or its pixels have no room. Cheap: may be called for every picture. */
bool datasets_progress(Datasets *sets, int64_t done, int64_t total);

/* The code of a set whose source is gone. Where that is an archive of its own, which is found again
 * by a later start, the set is to be imported then. */
#define DATASET_SOURCE_MISSING "source_missing"

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
