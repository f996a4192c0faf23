/* server/models/models_register.h -- checkpoints of jobs, and files from elsewhere, become versions
 * of models. */
#pragma once
#include "server/base/faults.h"
#include "server/models/models.h"

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
