/* server/api/models/confusion_csv.h -- a confusion matrix as CSV: all of it, a row for each truth,
 * a column for each guess, names before both. It grows with the square of the classes, to
 * gigabytes: it is made row by row, while it is read. */
#pragma once
#include <cJSON.h>

#include "server/http/message/response.h"
#include "server/store/rows_evaluation.h"

/* Takes `names`, an array of texts, and what `cells` hold, which are sorted by truth and guess. */
BodyStream confusion_csv(cJSON *names, CellList cells);
