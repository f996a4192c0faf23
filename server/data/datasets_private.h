/* server/data/datasets_private.h -- what the files of the data sets share. Nobody else includes
 * this. */
#pragma once
#include <pthread.h>

#include "server/base/threads/work_slot.h"
#include "server/data/datasets.h"
#include "server/jobs/jobs_shared.h"

struct Datasets {
    char *data;
    char *imports;  // as the settings name it; NULL: there is none
    int max_sets;
    Jobs *jobs;
    Store *store;  // of the jobs
    Uploads *uploads;
    Quota *quota;
    Log *log;
    SpecSets for_specs;
    _Atomic bool uncounted;    // no set had its folder at the start: a disk may have been away
    pthread_mutex_t fetching;  // an upload becomes a source, or files go; before all other locks

    WorkSlot slot;  // the import; its lock is below the store's, above the events'
    struct {
        int64_t taken;  // bytes of the quota
        Error refusal;  // why there is none
    } room;             // for the pixels of the import; of its thread alone
};

/* Put the progress of a running import over what the store says. */
void datasets_overlay(Datasets *sets, DatasetRow *set);

/* Sources by folder lie in `imports`; NULL or "": there are none. ERR_INVALID: it is no folder. */
bool datasets_note_imports(Datasets *sets, const char *imports, Error *err);

bool datasets_recover(Datasets *sets, Error *err);

/* At the start: whether the folders of all sets are on a disk that is away. */
bool datasets_note_disk(Datasets *sets, Error *err);

/* Remove files of a set, and give their bytes back to the quota. */
typedef bool (*FilesRemove)(const char *data, int64_t id, Error *err);
bool datasets_drop_files(Datasets *sets, int64_t id, FilesRemove remove, Error *err);

/* Finish what a deletion has left: the files of a set without a row. */
void datasets_remove_files(Datasets *sets, int64_t id);

/* ---- One change of one set: read it, alter it, say so, and write it all at once ---- */

typedef struct {
    Datasets *sets;
    DatasetRow set;  // as it will be
    const char *before;
    int64_t last_event;
    bool removed;
} SetChange;

bool set_change_begin(Datasets *sets, int64_t id, SetChange *change, Error *err);
/* The same for a set that is yet to be added. */
bool set_change_begin_new(Datasets *sets, SetChange *change, Error *err);
/* Tell readers of events how it is now. */
bool set_change_tell(SetChange *change, Error *err);
/* Write everything, notify readers. *set, if not NULL, is the set as it is now. */
bool set_change_commit(SetChange *change, DatasetRow *set, Error *err);
bool set_change_drop(SetChange *change, const Error *err);  // leave all as it was; returns false

/* The codes of a set whose files are damaged, and of one that has none, where a set that is ready
 * has its pixels: a start that finds them again makes it ready. */
#define DATASET_DAMAGED       "damaged"
#define DATASET_FILES_MISSING "files_missing"

/* Are the pixels not where they ought to be? What cannot be told, as for lack of a right, is no. */
bool set_pixels_gone(const Datasets *sets, const DatasetRow *set);

/* Whether the pixels of a set that was ready are gone, and there are none of any other set. */
bool set_is_away(const Datasets *sets, int64_t id);

/* A set whose files were missing is made ready where they are back, as those of a disk that was
 * mounted late. True: it was, read it again. */
bool set_found_again(Datasets *sets, const DatasetRow *set);
void set_fail_missing(const Datasets *sets, DatasetRow *set);  // ready -> failed

/* importing or ready -> failed. */
void set_fail(DatasetRow *set, const char *code, const char *message);
