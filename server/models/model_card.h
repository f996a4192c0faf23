/* server/models/model_card.h -- what a version of a model is, for people who may want to use it:
 * what it was trained on and how, figures as they were measured, and limits that follow from them.
 *
 * Source   Mitchell et al. 2019, "Model Cards for Model Reporting".
 */
#pragma once
#include <cJSON.h>

#include "server/models/models.h"

cJSON *model_card_json(const ModelVersion *version);
char *model_card_markdown(const ModelVersion *version);  // from malloc

/* The member "dataset" of a card, which rows of versions have too; null where nothing is known. Its
 * id is null where only the file tells of the set. */
void model_card_add_dataset(cJSON *to, const VersionRow *version);
