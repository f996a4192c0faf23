/* server/api/models/evaluation_fit.h -- does a data set have the pictures that a network was
 * trained on? To be asked before an evaluation is queued, not once it has failed. */
#pragma once
#include "server/api/app.h"

/* What is known of the pictures of a data set, or of those that a network takes. */
typedef struct {
    int channels, classes;
    cJSON *names;                     // of the classes by label, as texts; NULL: not known
    int64_t train_count, test_count;  // of a set
} PictureKind;

void picture_kind_free(PictureKind *kind);  // takes {0}

/* Of a data set by id or name. Errors: ERR_NOT_FOUND where there is none any more. */
bool picture_kind_of_set(App *app, const char *id_or_name, PictureKind *kind, Error *err);
PictureKind picture_kind_of_version(const ModelVersion *version);

/* Other channels, more classes, or other names at the same labels are faults at "/dataset"; a split
 * without pictures is one at "/split". */
void picture_kind_compare(const PictureKind *network, const PictureKind *set, const char *split,
                          Faults *faults);
