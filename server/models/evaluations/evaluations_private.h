/* server/models/evaluations/evaluations_private.h -- what the files of the evaluations share.
 * Nobody else includes this. */
#pragma once
#include "server/base/threads/work_slot.h"
#include "server/jobs/jobs_shared.h"
#include "server/models/evaluations/evaluations.h"

struct Evaluations {
    char *data;
    int most;
    Jobs *jobs;
    Models *models;
    Store *store;  // of the jobs
    Log *log;
    WorkSlot slot;  // the one that runs; its lock is below the store's, above the events'
};

/* Put the progress of a running one over what the store says. */
void evaluations_overlay(Evaluations *evaluations, EvaluationRow *row);

/* ---- One change of one evaluation: read it, alter it, say so, and write it all at once ---- */

typedef struct {
    Evaluations *evaluations;
    EvaluationRow row;  // as it will be
    const char *before;
    int64_t last_event;
    bool removed;
} EvaluationChange;

bool evaluation_change_begin(Evaluations *evaluations, int64_t id, EvaluationChange *change,
                             Error *err);
/* The same for one that is yet to be added. */
bool evaluation_change_begin_new(Evaluations *evaluations, EvaluationChange *change, Error *err);
/* Tell readers of events how it is now. */
bool evaluation_change_tell(EvaluationChange *change, Error *err);
/* Write everything, notify readers. *row, if not NULL, is it as it is now. */
bool evaluation_change_commit(EvaluationChange *change, EvaluationRow *row, Error *err);
/* Leave all as it was; returns false. */
bool evaluation_change_drop(EvaluationChange *change, const Error *err);

void evaluation_fail(EvaluationRow *row, const char *code, const char *message);
