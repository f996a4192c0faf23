/* server/jobs/events/event_data.h -- the JSON of events, as events.h describes it. Texts from
 * malloc. */
#pragma once
#include "core/train/transfer.h"
#include "server/store/rows.h"

/* Of one that was in the status `previous`, NULL: in none, and is now in `status`. */
char *event_evaluation(const EvaluationRow *row, const char *status, const char *previous);
char *event_dataset(const DatasetRow *set, const char *status, const char *previous);
char *event_created(const JobInfo *job);
char *event_status(const JobInfo *job, JobStatus previous);
char *event_point(const PointRow *row);
char *event_epoch(const EpochMetrics *row);
char *event_checkpoint(const CheckpointRow *row);
char *event_resumed(int64_t step);
char *event_initialized(const TransferReport *report);
char *event_updated(const JobInfo *job);
char *event_note(const char *message);
