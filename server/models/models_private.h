/* server/models/models_private.h -- what the files of models share. Nobody else includes this. */
#pragma once
#include "server/jobs/jobs_shared.h"
#include "server/models/models.h"

struct Models {
    char *data;
    int max_versions;
    Jobs *jobs;
    Store *store;  // of the jobs
    Log *log;
};

/* The row taken apart; takes what it holds, on failure too. ERR_DAMAGED. */
bool model_version_make(const Models *models, const char *name, VersionRow *row,
                        ModelVersion *version, Error *err);

bool models_recover(Models *models, Error *err);

/* ---- One change of one model: read it, alter it, say so, and write it all at once ---- */

typedef struct {
    Models *models;
    ModelRow row;  // as it will be; id 0: there is none yet
    int64_t last_event;
    const char *action;  // the last one that was told, of which version
    int64_t version;
    bool removed;
} ModelTx;

/* Where there is none of that name, the row has id 0 and the name. */
bool model_tx_begin(Models *models, const char *name, ModelTx *tx, Error *err);
/* ERR_NOT_FOUND where there is none. */
bool model_tx_begin_known(Models *models, const char *name, ModelTx *tx, Error *err);
/* "created", "version_added", "version_deleted", "updated", "deleted". Version 0: of none. */
bool model_tx_tell(ModelTx *tx, const char *action, int64_t version, Error *err);
bool model_tx_save(ModelTx *tx, Error *err);  // the model's row; part of a commit
bool model_tx_commit(ModelTx *tx, Error *err);
bool model_tx_drop(ModelTx *tx, const Error *err);  // leaves all as it was; returns false

/* Finish what a deletion has left. */
void models_finish_removal(Models *models, const ModelRemoval *removal);

/* A file that is yet no version's becomes the next one of that model; it is gone afterwards. What
 * the row does not say yet is filled in. */
typedef struct {
    const char *name;  // of the model
    const char *incoming;
    RequestKey key;
    VersionRow *row;  // taken
} ModelPlacing;
bool models_place(Models *models, ModelPlacing *placing, ModelVersion *version, bool *replayed,
                  Error *err);
/* Whether there is room for another version, and for writing at all: a disk that is away has none.
 */
bool models_admit(Models *models, Error *err);

/* {"channels":1,"size":28,"fit":"crop","filter":"bilinear"} */
enum { IMAGE_SPEC_TEXT = 96 };
void image_spec_to_text(const ImageSpec *spec, char text[IMAGE_SPEC_TEXT]);

/* What a row says of the network, from what a file says. */
void model_row_describe(VersionRow *row, const ModelInfo *info);
