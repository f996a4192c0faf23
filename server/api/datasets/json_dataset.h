/* server/api/datasets/json_dataset.h -- data sets as JSON: those that people bring, and the known
 * ones, in one shape. */
#pragma once
#include <cJSON.h>

#include "core/data/dataset.h"
#include "server/base/faults.h"
#include "server/store/rows_dataset.h"

cJSON *dataset_to_json(const DatasetRow *set);

/* A known set, whose files are expected in `folder`; `missing` says which one is not there, NULL:
 * they are. */
cJSON *known_dataset_to_json(const DatasetInfo *set, const char *folder, const char *missing);

/* The body that creates a set. Reads all there is and collects the faults; what is absent gets its
 * default. */
void dataset_from_json(const cJSON *json, DatasetRow *set, Faults *faults);

/* Name and metadata, as labels_patched leaves them; takes the name out of `labels`. False: there
 * are faults. */
bool dataset_labels_from_json(cJSON *labels, DatasetRow *set, Faults *faults);
