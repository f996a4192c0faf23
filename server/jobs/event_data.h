/* server/jobs/event_data.h -- the JSON of events, as events.h describes it. Texts from malloc. */
#pragma once
#include "core/train/transfer.h"
#include "server/jobs/job.h"
#include "server/store/rows.h"

char *event_created(const JobInfo *job);
char *event_status(const JobInfo *job, JobStatus previous);
char *event_point(const PointRow *row);
char *event_epoch(const EpochMetrics *row);
char *event_checkpoint(const CheckpointRow *row);
char *event_resumed(int64_t step);
char *event_initialized(const TransferReport *report);
char *event_updated(const JobInfo *job);
char *event_note(const char *message);
