/* server/api/models/json_evaluation.h -- evaluations as JSON, and what they have found. */
#pragma once
#include <cJSON.h>

#include "server/base/faults.h"
#include "server/store/rows_evaluation.h"

/* `whole`: with its figures, null until it has succeeded. */
cJSON *evaluation_row_to_json(const EvaluationRow *row, bool whole);

/* From malloc: {"object":"confusion","classes":[...],"cells":[[truth, guess, count], ...]}. */
char *confusion_json(const EvaluationRow *row, const CellList *cells);

/* `first` is the number of the split's first picture in the data set; -1: not known. */
cJSON *mistake_to_json(const MistakeRow *mistake, const cJSON *names, int64_t first);

/* The body that asks for an evaluation, before anything is looked up. Texts are borrowed. */
typedef struct {
    const char *job, *checkpoint;  // NULL: not given
    const char *model;             // likewise
    const char *dataset;           // likewise
    const char *split;             // "test" unless given
    int limit;                     // 0: all
    bool test_time_flips;
} EvaluationRequest;

void evaluation_from_json(const cJSON *json, EvaluationRequest *request, Faults *faults);
