#include "tests/server/store/store_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "tests/check.h"

void store_reopen(StoreFixture *f)
{
    store_close(f->store);
    CHECK_OK(store_open(scratch_path(&f->scratch, "store.db"), &f->store, &f->err), f->err);
}

int store_set_up(void **state)
{
    StoreFixture *f = xcalloc(1, sizeof *f);
    f->scratch = scratch_new();
    store_reopen(f);
    *state = f;
    return 0;
}

int store_tear_down(void **state)
{
    StoreFixture *f = *state;
    store_close(f->store);
    scratch_free(&f->scratch);
    free(f);
    return 0;
}

JobInfo full_job(void)
{
    return (JobInfo){
        .name = "a name, \xc3\xa9",
        .status = JOB_FAILED,
        .stop_reason = "requested",
        .created_at = 1001,
        .queued_at = 1002,
        .started_at = 1003,
        .finished_at = 1004,
        .settings = xstrdup("{\"epochs\":3}"),
        .metadata = xstrdup("{\"who\":\"me\"}"),
        .parent_id = 5,
        .restart_count = 6,
        .idle_restarts = 7,
        .progress = {8, 9, 10, 11.5, 12.25, 13.125},
        .latest = {14, 15.1, 16.2, 17.3, 18, 19.4, 20.5, 21.5, 22.5},
        .best = {21, 0.1 + 0.2, 0.4, 22},
        .environment = {"AMD EPYC 9655", "avx512_core_amx", 23, "3.7.2", "0.1.0"},
        .error = {"not_a_number", "the loss is not a number"},
    };
}

JobInfo add_job(StoreFixture *f, JobStatus job_status, int64_t queued_at)
{
    JobInfo job = full_job();
    job.status = job_status;
    job.queued_at = queued_at;
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_add_job(f->store, &job, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    return job;
}
