/* server/models/models.h -- trained models under names: register, look at, point aliases at them,
 * delete.
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
#include "server/base/faults.h"
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
 * store does not know go to lost+found, versions whose files are gone say that they are missing. */
bool models_open(const ModelsConfig *config, Models **models, Error *err);
void models_close(Models *models);  // no thread uses it any more; takes NULL

/* ---- Look ---- */

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

/* ---- Register ---- */

typedef struct {
    const char *name;        // of the model, made if there is none
    int64_t job_id;          // whose checkpoint it is
    const char *checkpoint;  // "best", "latest" or "step_<n>"
    RequestKey key;
} ModelRequest;

/* What came of the key before, without looking at the job, which may be gone by now. */
bool models_replay(Models *models, RequestKey key, ModelVersion *version, bool *replayed,
                   Error *err);

/* The next version of that model; its card shows the newest evaluation of that checkpoint.
 * *replayed: the key was used before for the same request, and *version is what came of it.
 * `replayed` may be NULL. */
bool models_register(Models *models, const ModelRequest *request, ModelVersion *version,
                     bool *replayed, Error *err);

/* What a job that has succeeded was asked to become: its best checkpoint, else its latest. Once for
 * each job, however often it is called. */
bool models_register_job(Models *models, int64_t job_id, const char *name, ModelVersion *version,
                         Error *err);

/* Weights from elsewhere: what the file does not say of itself, the hints do. */
typedef struct {
    const char *name;  // of the model, made if there is none
    const char *path;  // a safetensors file
    ModelHints hints;
    const char *const *class_names;  // as many as classes; NULL: as the file says
    int class_name_count;
} ModelUpload;

/* The next version of that model. Each tensor that is missing, superfluous, or of another shape or
 * type is a fault at "/tensors/<name>"; ERR_INVALID with *faults then, or with a sentence. The
 * version's file is made anew, with all that is known in it; `path` stays. */
bool models_upload(Models *models, const ModelUpload *upload, ModelVersion *version, Faults *faults,
                   Error *err);

/* ---- Change ---- */

typedef struct {
    char *metadata;     // JSON object of strings, from malloc; NULL: as before
    AliasList aliases;  // to be put; those of version 0 are removed
} ModelChange;

/* Looks at a model inside the change that alters or deletes it, so that nothing comes between, and
 * says what is to change; `change` is NULL where it is to be deleted. False leaves everything as it
 * is; *err says why. */
typedef bool (*ModelVisitor)(void *context, const ModelDetail *model, ModelChange *change,
                             Error *err);

/* All of it or nothing. ERR_INVALID: an alias of a version that there is not. */
bool models_edit(Models *models, const char *name, ModelVisitor edit, void *context,
                 ModelDetail *model, Error *err);

/* The figures of an evaluation of the version, a JSON object that its card shows. Part of the
 * transaction that the caller has begun (jobs_begin), so that whoever sees the evaluation's end
 * sees them on the card. ERR_NOT_FOUND: there is no such version any more. */
bool models_put_evaluation(Models *models, int64_t model_id, int64_t version, const char *json,
                           Error *err);

/* With its file. ERR_CONFLICT (reason "version_in_use"): an alias points at it. `allow` may be
 * NULL. */
bool models_delete_version(Models *models, const char *name, int64_t version, ModelVisitor allow,
                           void *context, Error *err);
/* With all versions and aliases. */
bool models_delete(Models *models, const char *name, ModelVisitor allow, void *context, Error *err);
