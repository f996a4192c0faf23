/* server/store/rows.h -- all that the store keeps. */
#pragma once
#include "core/base/error.h"
#include "server/store/rows_dataset.h"
#include "server/store/rows_evaluation.h"
#include "server/store/rows_job.h"
#include "server/store/rows_model.h"
#include "server/store/rows_series.h"

/* Some texts of a row are JSON. The disk may rot, and somebody may edit the file: a text that is no
 * JSON stays as it is until somebody mends it, and the row says so in `damage`. ERR_DAMAGED, with
 * the reason "row_damaged", for a row that does. */
bool row_whole(const char *damage, Error *err);
bool row_is_damaged(const Error *err);  // whether that is the error
