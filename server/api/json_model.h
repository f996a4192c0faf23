/* server/api/json_model.h -- networks as JSON: one in the table, and one layer by layer. */
#pragma once
#include "server/api/api.h"

cJSON *shape_to_json(Shape shape);

/* A row of the table: what it is and the smallest image it takes. */
cJSON *model_to_json(const Model *model);

/* The network for this input: totals, stages, and each layer's shape, parameters and multiply-adds.
 * NULL with ERR_INVALID if it does not fit. */
cJSON *model_summary_to_json(const Model *model, Shape input, int classes, Error *err);

/* The same for the network that these settings train. */
cJSON *spec_model_to_json(const JobSpec *spec, Error *err);
