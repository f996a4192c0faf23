/* server/api/jobs/json_job.h -- jobs, epochs, checkpoints, events and estimates as JSON. */
#pragma once
#include <cJSON.h>

#include "server/work/estimate.h"

cJSON *job_to_json(const JobInfo *job);
cJSON *epoch_to_json(const EpochMetrics *epoch);
cJSON *checkpoint_to_json(const CheckpointRow *checkpoint);
cJSON *event_to_json(const Event *event);
cJSON *estimate_to_json(const JobEstimate *estimate);
