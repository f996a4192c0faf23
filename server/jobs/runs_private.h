/* server/jobs/runs_private.h -- what the files of the runs share. Nobody else includes this. */
#pragma once
#include "server/jobs/change.h"
#include "server/jobs/jobs_private.h"
#include "server/jobs/runs.h"

struct Run {
    Jobs *jobs;
    JobInfo job;  // as it was taken
    int64_t resume_step;
    int64_t *checkpoints;  // steps, the newest first
    size_t checkpoint_count;
    char *kernels;       // record of those to compute with; NULL: none is known
    int last_tries;      // to write something since it was told to end
    double waits_since;  // for the disk, monotonic seconds; 0: it does not
    int64_t *gone;       // checkpoints whose files are deleted, and whose removals are not
    size_t gone_count;
    bool evaluate;  // its best checkpoint, once it has succeeded
    int example_limit;
    ActiveRun active;  // in the jobs' list; behind their lock
};

void run_free(Run *run);

/* One try to write something of a run: `what`, within the change. */
typedef bool (*RunRecord)(Change *change, const void *what, Error *err);
/* Try until it is on disk. False: waiting is over, or does not help (server/jobs/runs.h). */
bool run_record(Run *run, RunRecord record, const void *what, Error *err);
/* The same may work in a moment: it is the disk, or memory. */
bool run_may_work_later(ErrorCode code);
