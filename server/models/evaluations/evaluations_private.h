/* server/models/evaluations/evaluations_private.h -- what the files of the evaluations share.
 * Nobody else includes this. */
#pragma once
#include <pthread.h>

#include "server/jobs/jobs_shared.h"
#include "server/models/evaluations/evaluations.h"

struct Evaluations {
    char *data;
    int most;
    Jobs *jobs;
    Models *models;
    Store *store;  // of the jobs
    Log *log;

    // Below the store's locks, above those of the events.
    pthread_mutex_t lock;
    pthread_cond_t work;  // something may be there to do, or the daemon leaves
    int64_t changes;      // counts what may have made work
    bool leaving;
    struct {
        int64_t id;  // 0: none is running
        bool cancel;
        int64_t done, total;
        double told_at;  // monotonic seconds: when readers of events last heard of it
    } active;
};

/* Put the progress of a running one over what the store says. */
void evaluations_overlay(Evaluations *evaluations, EvaluationRow *row);
void evaluations_wake(void *context);  // Evaluations *
bool evaluations_recover(Evaluations *evaluations, Error *err);

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
