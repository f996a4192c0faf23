/* server/store/store_evaluations.h -- the rows of evaluations and what they have found. Errors as
 * in store.h. */
#pragma once
#include "server/store/store.h"

/* Within a transaction. */
bool store_add_evaluation(Store *store, EvaluationRow *evaluation, Error *err);  // gives it its id
bool store_load_evaluation(Store *store, int64_t id, EvaluationRow *evaluation, Error *err);
bool store_save_evaluation(Store *store, const EvaluationRow *evaluation, Error *err);
bool store_next_evaluation(Store *store, int64_t *id, Error *err);  // the oldest queued; 0: none
/* What it has found: the texts of the row, its confusion matrix, its mistakes. */
bool store_put_figures(Store *store, const EvaluationRow *evaluation, Error *err);
bool store_put_cells(Store *store, int64_t id, const CellList *cells, Error *err);
bool store_put_mistakes(Store *store, int64_t id, const MistakeList *mistakes, Error *err);
/* Something that happens to it; it replaces what was told of its progress before. */
bool store_tell_evaluation(Store *store, int64_t id, Event *event, Error *err);
bool store_remove_evaluation(Store *store, int64_t id, Error *err);  // and all it has found
bool store_remove_job_evaluations(Store *store, int64_t job_id, Error *err);

/* Outside of one; they see what has been committed. Only the first reads figures and names of
 * classes. */
bool store_evaluation(Store *store, int64_t id, EvaluationRow *evaluation, Error *err);
bool store_evaluations(Store *store, const EvaluationQuery *query, EvaluationList *list,
                       Error *err);
bool store_evaluation_count(Store *store, int64_t *count, Error *err);
bool store_cells(Store *store, int64_t id, CellList *list, Error *err);
bool store_mistakes(Store *store, const MistakeQuery *query, MistakeList *list, Error *err);
