#include "tests/server/jobs/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/json/json_text.h"
#include "server/jobs/files/job_files.h"
#include "tests/check.h"

void jobs_reopen(JobsFixture *f)
{
    jobs_close(f->jobs);
    const JobsConfig config = {.data = f->scratch.path, .max_jobs = 5, .retry_ms = 1};
    CHECK_OK(jobs_open(&config, &f->jobs, &f->err), f->err);
}

int jobs_set_up(void **state)
{
    JobsFixture *f = xcalloc(1, sizeof *f);
    f->scratch = scratch_new();
    jobs_reopen(f);
    *state = f;
    return 0;
}

int jobs_tear_down(void **state)
{
    JobsFixture *f = *state;
    jobs_close(f->jobs);
    scratch_free(&f->scratch);
    free(f);
    return 0;
}

int64_t jobs_add(JobsFixture *f, const char *settings)
{
    JobSpec spec;
    Faults faults = {0};
    JobInfo job;
    bool replayed;
    cJSON *json = json_parse_text("settings", settings, strlen(settings), &f->err);
    assert_non_null(json);
    assert_true(spec_read(json, (SpecRules){0}, &spec, &faults));
    CHECK_OK(jobs_create(f->jobs, &(JobRequest){.spec = &spec}, &job, &replayed, &f->err), f->err);
    assert_false(replayed);
    const int64_t id = job.id;
    job_info_free(&job);
    spec_free(&spec);
    cJSON_Delete(json);
    return id;
}

JobStatus jobs_state(JobsFixture *f, int64_t id)
{
    JobInfo job;
    CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
    job_info_free(&job);
    return job.status;
}

Run *jobs_take(JobsFixture *f)
{
    Run *run = runs_take(f->jobs);
    assert_non_null(run);
    return run;
}

int64_t resume_step(const Run *run)
{
    size_t count;
    const int64_t *steps = run_checkpoints(run, &count);
    return count > 0 ? steps[0] : 0;
}

void run_records_point(JobsFixture *f, Run *run, int64_t step)
{
    const TrainEvent event = {.type = TRAIN_POINT, .step = step, .total_steps = 100, .epoch = 1};
    run_step(run, (RunStep){&event, 32});
    const PointRow row = {step, (double)step / 10, 1.0 / (double)step, 0.5, 0.1, (double)step * 2};
    CHECK_OK(run_point(run, &row, &f->err), f->err);
}

void run_records_epoch(JobsFixture *f, Run *run, int64_t epoch, int64_t step, double accuracy)
{
    const EpochMetrics row = {.epoch = epoch,
                              .step = step,
                              .validation_loss = NAN,
                              .validation_accuracy = NAN,
                              .test_accuracy = accuracy};
    CHECK_OK(run_epoch(run, &row, &f->err), f->err);
}

static void touch(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(path, file) > 0);
    assert_int_equal(fclose(file), 0);
}

void run_records_checkpoint(JobsFixture *f, Run *run, int64_t step, bool best, int keep)
{
    const int64_t id = run_job(run)->id;
    CHECK_OK(folder_make(job_folder(f->scratch.path, id).text, &f->err), f->err);
    touch(job_training_path(f->scratch.path, id, step).text);
    touch(job_model_path(f->scratch.path, id, step).text);
    const CheckpointRow row = {.step = step,
                               .epoch = step / 10,
                               .validation_accuracy = NAN,
                               .test_accuracy = NAN,
                               .best = best};
    CHECK_OK(run_checkpoint(run, &row, keep, &f->err), f->err);
}
