/* tests/server/jobs/fixture.h -- jobs in a scratch folder, and the few moves that tests repeat. */
#pragma once
#include "server/base/files.h"
#include "server/jobs/jobs.h"
#include "server/jobs/runs.h"
#include "tests/server/scratch.h"

typedef struct {
    Scratch scratch;
    Path kernels;  // the file of workers' kernels
    Jobs *jobs;
    Error err;
} JobsFixture;

int jobs_set_up(void **state);
int jobs_tear_down(void **state);

/* Close and open again, as a daemon does that is restarted, or that has died. */
void jobs_reopen(JobsFixture *f);

/* A job of these settings (JSON); its id. */
int64_t jobs_add(JobsFixture *f, const char *settings);
JobStatus jobs_state(JobsFixture *f, int64_t id);

/* The next job, taken as a worker takes it; it must be there. */
Run *jobs_take(JobsFixture *f);
/* The step that it goes on from; 0: from the start. */
int64_t resume_step(const Run *run);

/* Let a run record a step with a point, an epoch, a checkpoint with its two files. */
void run_records_point(JobsFixture *f, Run *run, int64_t step);
void run_records_epoch(JobsFixture *f, Run *run, int64_t epoch, int64_t step, double accuracy);
void run_records_checkpoint(JobsFixture *f, Run *run, int64_t step, bool best, int keep);
