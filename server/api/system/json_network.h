/* server/api/system/json_network.h -- networks as JSON: one in the table, one layer by layer. */
#pragma once
#include "server/settings/spec.h"

/* A row of the table: what it is, the smallest image it takes, and what it costs at its default
 * image size with one channel and ten classes. */
cJSON *network_costs_to_json(const Model *network);

/* The network for this input: totals, stages, and each layer's shape, parameters and multiply-adds.
 * NULL with ERR_INVALID if it does not fit. */
cJSON *network_summary_to_json(const Model *network, Shape input, ModelOptions options, Error *err);

/* The same for the network that these settings train. */
cJSON *spec_network_to_json(const JobSpec *spec, Error *err);
