/* server/data/datasets.h -- the data sets that people bring: create, look at, cancel, delete.
 *
 *     waiting --content--> importing --> ready
 *        |                     |
 *        +------- cancel ------+-------> failed
 *
 * Every call may come from any thread; answers are copies; a call that changes something returns
 * true once the change is on disk. A thread takes the sets that are `importing`, oldest first, one
 * at a time (datasets_import.h). A set that is ready never changes but for its name and its
 * metadata. See dataset_files.h for what lies where.
 *
 * Lock order: fetching, store, data sets, events, log. No lock is held while pictures are read.
 *
 * Errors   ERR_NOT_FOUND: no such set. ERR_CONFLICT: status, name, limit or a job forbids it.
 *          ERR_INVALID: a source that cannot be. ERR_IO, ERR_NO_SPACE: the store or the disk.
 */
#pragma once
#include "server/base/files.h"
#include "server/data/uploads/upload.h"
#include "server/jobs/jobs.h"
#include "server/settings/spec_set.h"

typedef struct Datasets Datasets;

typedef struct {
    const char *data;     // folder of everything that must last
    const char *imports;  // folder below which sources by folder lie; NULL: there is none
    int max_sets;         // stored at a time
    Jobs *jobs;           // whose store and lock are used; borrowed, as all here
    Uploads *uploads;     // that sources come from
    Quota *quota;         // that their bytes are taken from
    Log *log;
} DatasetsConfig;

/* Puts right what a sudden death left behind: imports begin again, half of what was written goes,
 * folders that the store does not know go to lost+found. */
bool datasets_open(const DatasetsConfig *config, Datasets **sets, Error *err);
void datasets_close(Datasets *sets);  // no thread uses it any more; takes NULL

/* What came of the key before: to be asked before the request is looked at, whose upload may be
 * taken by now. ERR_CONFLICT: it came with another request. */
bool datasets_replay(Datasets *sets, RequestKey key, DatasetRow *set, bool *replayed, Error *err);

/* Add a set as the row says: name, source, image, test_share and seed are read, the rest is filled
 * in. It waits for content where there is no source (kind ""), else it is to be imported.
 * *replayed: the key was used before for the same request, and *set is what came of it.
 * ERR_CONFLICT: it was used for another, the name is taken or the store is full. ERR_NOT_FOUND: the
 * upload is not there, or is another set's. */
bool datasets_create(Datasets *sets, RequestKey key, DatasetRow *set, bool *replayed, Error *err);

/* Is there such a folder or file below `imports`, and nothing that leads out of it? ERR_INVALID,
 * with a sentence. `path` is where it is. */
bool datasets_source(const Datasets *sets, const char *what, Path *path, Error *err);

// Of a list: a folder of more is looked at by other means.
enum { DATASET_SOURCES_MOST = 1000 };

typedef struct {
    char *name;     // as a source of the kind "folder" names it
    int64_t bytes;  // of an archive; -1: a folder
} DatasetSource;

typedef struct {
    DatasetSource *items;  // by name
    size_t count;
} DatasetSources;

/* The folders and the archives (by their names) that lie in `imports` itself; none where there is
 * no such folder. What is hidden, leads out, or has a name that is not UTF-8 is passed over. */
bool datasets_sources(const Datasets *sets, DatasetSources *sources, Error *err);
void dataset_sources_free(DatasetSources *sources);

bool datasets_get(Datasets *sets, int64_t id, DatasetRow *set, Error *err);
/* A set whose files were missing, and are back, is ready again. */
bool datasets_find(Datasets *sets, const char *id_or_name, DatasetRow *set, Error *err);
bool datasets_list(Datasets *sets, const DatasetQuery *query, DatasetList *list, Error *err);

/* Alters name and metadata of a set, inside the change, so that nothing comes between. False leaves
 * everything as it is; *err says why. */
typedef bool (*DatasetEditor)(void *context, DatasetRow *set, Error *err);

/* ERR_CONFLICT: another set has the name (reason "name_taken"). */
bool datasets_edit(Datasets *sets, int64_t id, DatasetEditor edit, void *context, DatasetRow *set,
                   Error *err);

/* Whether it waits for content: else ERR_CONFLICT (reason "dataset_not_waiting"). */
bool datasets_check_waiting(const DatasetRow *set, Error *err);

/* Content for a set that waits: that upload, which is whole, becomes its own. ERR_CONFLICT as
 * above. */
bool datasets_content(Datasets *sets, int64_t id, const char *upload, DatasetRow *set, Error *err);

/* Looks at a set inside the change that ends it, so that nothing comes between. False leaves
 * everything as it is; *err says why. */
typedef struct {
    bool (*allow)(void *context, const DatasetRow *set, Error *err);
    void *context;
} DatasetGuard;

/* End the import, or the waiting: failed, with the code "cancelled". May be repeated. ERR_CONFLICT:
 * it is ready or has failed (reason "dataset_is_done"). `guard` may be NULL. */
bool datasets_cancel(Datasets *sets, int64_t id, const DatasetGuard *guard, DatasetRow *set,
                     Error *err);

/* With its files. ERR_CONFLICT: a job that is queued, running or stopping trains on it (reason
 * "dataset_in_use"). `guard` may be NULL. */
bool datasets_delete(Datasets *sets, int64_t id, const DatasetGuard *guard, Error *err);

/* Somebody who opened a set that was ready found that its files are damaged or gone: it has failed,
 * with the code "damaged", and keeps what is there for as long as it is not deleted; or with
 * "files_missing", if nothing is there, until a start finds it again. */
void datasets_damaged(Datasets *sets, int64_t id, const Error *why);

/* The sets that are ready, for those who read the settings of jobs. Lives as long as `sets`. */
const SpecSets *datasets_for_specs(const Datasets *sets);
