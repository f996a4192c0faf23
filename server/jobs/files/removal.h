/* server/jobs/files/removal.h -- the files and rows of what was deleted, after it was deleted.
 *
 * Deleting is in two parts: the row goes, and the call that asked for it is answered; then its
 * files, points and events go in small steps (store_removals.c). A full disk or a death in between
 * ends the second part early, and it is finished later. So is that of a job whose files are on a
 * disk that is not there: they go once they are back.
 */
#pragma once
#include "server/base/log.h"
#include "server/store/store.h"

typedef struct {
    bool checkpoints;  // those of single ones too, where no job runs: a training may be about to
                       // write the same files again
    bool rows_later;   // of the rows of a job no more than one step
    bool again;        // what cannot go was told of before: no line in the log
    // Between two steps: a long job has hundreds. False: leave all the rest for another time. NULL:
    // go on to the end.
    bool (*go_on)(void *context);
    void *context;
} RemovalRules;

/* Finish what there is. False, with the reason, if something cannot go now. */
bool removals_finish(const char *data, Store *store, RemovalRules rules, Log *log, Error *err);

/* The files of jobs that were deleted while these were out of reach, where they are back. */
void removals_of_away(const char *data, Store *store, Log *log);

/* The same of one job that was deleted: its files, and as many slices of its rows; *done if that
 * was all. */
bool removal_of_job(const char *data, Store *store, int64_t id, int slices, bool *done, Log *log,
                    Error *err);
