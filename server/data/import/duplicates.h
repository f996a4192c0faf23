/* server/data/import/duplicates.h -- which pictures are the same, and which look alike. */
#pragma once
#include "server/data/import/records.h"

/* Fill `same` and `near` of all records that are kept. A picture of one colour has no look of its
 * own: it is near to none but its equals. */
void duplicates_find(Records *records);
