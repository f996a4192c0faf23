/* server/models/models.h -- trained models under names: open them, look at them.
 *
 * A model is a name with versions 1, 2, 3 and so on; a version is a file that never changes and
 * belongs to the model alone, whatever becomes of the job that it came from. An alias is a name for
 * a version of a model, and may be pointed at another at any time.
 *
 *     DATA/models/model_3/        one folder per model that has files
 *         2.safetensors           of version 2: a hard link of the job's file, or a copy
 *     DATA/models/new-*.safetensors    not a version yet
 *
 * Every call may come from any thread, and may wait for the disk. Answers are copies. A call that
 * changes something returns true once the change is on disk.
 *
 * Lock order: store, events, log.
 *
 * Errors   ERR_NOT_FOUND: no such model, version, alias, job or checkpoint. ERR_CONFLICT: an alias,
 *          a limit or an idempotency key forbids it. ERR_INVALID: a file that is not of the network
 *          it is said to be of. ERR_IO, ERR_NO_SPACE: the store or the disk.
 */
#pragma once
#include "core/data/decode/image_spec.h"
#include "core/data/normalization.h"
#include "core/train/files/model_file.h"
#include "server/base/files.h"
#include "server/jobs/jobs.h"

typedef struct Models Models;

typedef struct {
    const char *data;  // folder of everything that must last
    int max_versions;  // of all models, stored at a time
    Jobs *jobs;        // whose store, lock and checkpoints are used; borrowed
    Log *log;
} ModelsConfig;

/* Puts right what a sudden death left behind: files that are no versions yet go, files that the
 * store does not know go to lost+found, versions whose files are gone say that they are missing
 * until they are back. */
bool models_open(const ModelsConfig *config, Models **models, Error *err);
void models_close(Models *models);  // no thread uses it any more; takes NULL

/* A version, and the name of its model. */
typedef struct {
    char name[MODEL_NAME];
    VersionRow row;
    Path path;  // of its file
    // The same as in the row, taken apart.
    ImageSpec image;              // what becomes of a picture: that of the data set, else a default
    Normalization normalization;  // channels 0: none
    const char *const *class_names;  // row.classes of them; NULL: not known
} ModelVersion;

void model_version_free(ModelVersion *version);  // the texts in it, not the struct

/* A reference: "shirts" is the alias "production" if there is one, else the newest version;
 * "shirts@3" and "shirts@production". ERR_NOT_FOUND, with the reason "file_missing" where only its
 * file is gone. The file may be deleted between this call and the opening of `path`: ask again. */
bool models_resolve(Models *models, const char *reference, ModelVersion *version, Error *err);

/* A model with its aliases and its versions, newest first. */
typedef struct {
    ModelRow row;
    AliasList aliases;
    VersionList versions;
} ModelDetail;

void model_detail_free(ModelDetail *model);

bool models_get(Models *models, const char *name, ModelDetail *model, Error *err);
bool models_list(Models *models, const ModelQuery *query, ModelList *list, Error *err);
/* A model of the list with its aliases and versions; takes what *row holds, on failure too. */
bool models_detail(Models *models, ModelRow *row, ModelDetail *model, Error *err);
