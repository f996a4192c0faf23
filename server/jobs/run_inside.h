/* server/jobs/run_inside.h -- what the files of the runs share. Nobody else includes this. */
#pragma once
#include "server/jobs/jobs_inside.h"
#include "server/jobs/runs.h"

struct Run {
    Jobs *jobs;
    JobInfo job;  // as it was taken
    int64_t resume_step;
    LiveRun live;  // in the jobs' list; behind their lock
};

void run_free(Run *run);
bool jobs_leaving(Jobs *jobs);
