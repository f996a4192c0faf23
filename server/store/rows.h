/* server/store/rows.h -- all that the store keeps. */
#pragma once
#include "server/store/rows_dataset.h"
#include "server/store/rows_evaluation.h"
#include "server/store/rows_job.h"
#include "server/store/rows_model.h"
#include "server/store/rows_series.h"
