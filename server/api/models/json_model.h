/* server/api/models/json_model.h -- models and their versions as JSON. */
#pragma once
#include <cJSON.h>

#include "server/models/models.h"

/* With the aliases of that model that point at the version. `whole`: with classes, settings and all
 * else that makes it long. */
cJSON *version_to_json(const char *model, const VersionRow *version, const AliasList *aliases,
                       bool whole);
cJSON *model_to_json(const ModelDetail *model);
