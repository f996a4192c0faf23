/* server/api/models/api_predict.h -- what the calls that predict share. */
#pragma once
#include "server/api/app.h"
#include "server/models/models.h"
#include "server/models/predictor/predictor.h"

typedef struct {
    ModelVersion version;
    TakenModel taken;
} PredictModel;

/* The model that a reference means now, loaded; it stays so, and the same, until it is released. */
bool predict_model_take(App *app, const char *reference, PredictModel *m, Error *err);
void predict_model_release(App *app, PredictModel *m);

/* The status is that of a prediction: 422 for a bad picture, 503 for a full queue, say. */
bool respond_predict_error(Response *res, const Error *err);
