/* server/models/predictor/ranking.h -- logits as people read them: classes with their
 * probabilities, the likeliest first; and as JSON. */
#pragma once
#include <cJSON.h>

#include "core/train/files/model_info.h"

typedef struct {
    int label;
    double probability;  // softmax of the logits
} RankedClass;

/* The `most` likeliest of `classes`, of equal ones the first. *count of them. ERR_NUMERIC: a logit
 * is NaN or infinite. */
bool ranking_of(const float *logits, int classes, int most, RankedClass *ranking, int *count,
                Error *err);
/* The softmax of all of them, by class. ERR_NUMERIC. */
bool probabilities_of(const float *logits, int classes, double *probabilities, Error *err);

/* "shirt"; a class without a name is its number. `text` is used for that. */
const char *class_name(const ModelInfo *info, int label, char text[16]);

/* {"classes":[{"name":"shirt","label":6,"probability":0.9}, ...]} */
cJSON *ranking_to_json(const ModelInfo *info, const RankedClass *ranking, int count);
