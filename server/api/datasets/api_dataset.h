/* server/api/datasets/api_dataset.h -- helpers of the handlers of data sets. */
#pragma once
#include "server/api/app.h"

/* The set that the path names, by id or by name. */
bool request_dataset(App *app, const Request *req, DatasetRow *set, Error *err);

/* ERR_CONFLICT if it names a set that came with the program: those cannot be changed. */
bool dataset_refuse_known(const Request *req, Error *err);

bool respond_dataset(Response *res, int status, DatasetRow *set);  // frees what `set` holds
