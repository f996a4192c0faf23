/* tests/server/work/test_worker.c -- workers train real jobs, the tiny model on real images: to the
 * end, with stops, failures, budgets, and to the same bits however often they were interrupted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/jobs/files/job_files.h"
#include "tests/check.h"
#include "tests/server/work/worker_fixture.h"

static void a_job_trains_to_its_end(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{" TINY ",\"epochs\":3}");
    Workers *workers = worker_start(f, 1, NULL);
    JobInfo job = worker_wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    assert_string_equal(job.stop_reason, "completed");
    assert_int_equal(job.progress.step, 3 * STEPS);
    assert_int_equal(job.progress.total_steps, 3 * STEPS);
    assert_int_equal(job.latest.epoch, 3);
    assert_int_equal(job.environment.threads, 1);
    assert_true(strlen(job.environment.cpu) > 0);
    assert_true(strlen(job.environment.cpu_isa) > 0 && strlen(job.environment.onednn) > 0);
    assert_true(job.best.epoch >= 1 && job.best.checkpoint_step == job.best.epoch * STEPS);
    assert_true(job.progress.examples_per_second > 0);
    job_info_free(&job);
    worker_check_series(f, id, 3);
    char sha256[65];
    worker_latest_hash(f, id, sha256);
    const JobCounts counts = jobs_counts(f->jobs);
    assert_int_equal(counts.steps, 3 * STEPS);
    assert_int_equal(counts.examples, 3 * 120);
    assert_true(workers_stop(workers, 60));
}

static void a_stopped_job_goes_on_to_the_same_bits(void **state)
{
    JobsFixture *f = *state;
    static const char SETTINGS[] = "{" TINY ",\"epochs\":6}";
    char want[65], got[65];
    worker_unbroken_hash(f, SETTINGS, want);
    const int64_t id = jobs_add(f, SETTINGS);
    Workers *workers = worker_start(f, 1, NULL);
    for (int stops = 1; stops <= 3; stops++) {
        worker_wait_for_step(f, id, stops * STEPS + 2);
        CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
        JobInfo job = worker_wait_until_idle(f, id);
        assert_int_equal(job.status, JOB_STOPPED);
        job_info_free(&job);
        CheckpointRow row;
        int fd;
        CHECK_OK(jobs_checkpoint_open(f->jobs, id, "latest", &row, &fd, &f->err), f->err);
        close(fd);
        assert_true(row.step >= stops * STEPS + 2);
        CHECK_OK(jobs_resume(f->jobs, id, NULL, NULL, &f->err), f->err);
    }
    JobInfo job = worker_wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    assert_int_equal(job.restart_count, 0);
    job_info_free(&job);
    worker_check_series(f, id, 6);
    worker_latest_hash(f, id, got);
    assert_string_equal(got, want);
    assert_true(workers_stop(workers, 60));
}

static void a_daemon_that_leaves_takes_up_its_job_again(void **state)
{
    JobsFixture *f = *state;
    static const char SETTINGS[] = "{" TINY ",\"epochs\":4}";
    char want[65], got[65];
    worker_unbroken_hash(f, SETTINGS, want);
    const int64_t id = jobs_add(f, SETTINGS);
    Workers *workers = worker_start(f, 1, NULL);
    worker_wait_for_step(f, id, STEPS + 3);
    assert_true(workers_stop(workers, 60));
    assert_int_equal(jobs_state(f, id), JOB_QUEUED);
    jobs_reopen(f);
    workers = worker_start(f, 1, NULL);
    JobInfo job = worker_wait_until_idle(f, id);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    assert_int_equal(job.restart_count, 0);
    job_info_free(&job);
    worker_check_series(f, id, 4);
    worker_latest_hash(f, id, got);
    assert_string_equal(got, want);
    assert_true(workers_stop(workers, 60));
}

static void two_workers_train_two_jobs_at_a_time(void **state)
{
    JobsFixture *f = *state;
    static const char SETTINGS[] = "{" TINY ",\"epochs\":20}";
    const int64_t one = jobs_add(f, SETTINGS), two = jobs_add(f, SETTINGS);
    Workers *workers = worker_start(f, 2, NULL);
    worker_wait_for_step(f, one, 1);
    worker_wait_for_step(f, two, 1);
    const JobCounts counts = jobs_counts(f->jobs);
    assert_int_equal(counts.by_status[JOB_RUNNING], 2);
    CHECK_OK(jobs_stop(f->jobs, one, NULL, NULL, &f->err), f->err);
    CHECK_OK(jobs_stop(f->jobs, two, NULL, NULL, &f->err), f->err);
    for (int64_t id = one; id <= two; id++) {
        JobInfo job = worker_wait_until_idle(f, id);
        assert_int_equal(job.status, JOB_STOPPED);
        job_info_free(&job);
    }
    assert_true(workers_stop(workers, 60));
}

static void early_stopping_and_budgets_are_successes(void **state)
{
    JobsFixture *f = *state;
    // No accuracy betters another by more than 1, so the second epoch is the last.
    const int64_t early =
        jobs_add(f, "{" TINY ",\"epochs\":50,\"early_stopping\":{\"patience\":1,\"min_delta\":1}}");
    const int64_t budget = jobs_add(f, "{" TINY ",\"epochs\":100000,\"max_seconds\":0.2}");
    Workers *workers = worker_start(f, 1, NULL);
    JobInfo job = worker_wait_until_idle(f, early);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    assert_string_equal(job.stop_reason, "early_stopping");
    assert_int_equal(job.latest.epoch, 2);
    job_info_free(&job);
    worker_check_series(f, early, 2);
    job = worker_wait_until_idle(f, budget);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    assert_string_equal(job.stop_reason, "max_seconds");
    assert_true(job.progress.step > 0 && job.progress.seconds < 60);
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
}

static void a_checkpoint_comes_when_it_is_wanted(void **state)
{
    JobsFixture *f = *state;
    const int64_t id =
        jobs_add(f, "{" TINY ",\"epochs\":10000,\"checkpoint\":{\"every_epochs\":0,\"keep\":100}}");
    Workers *workers = worker_start(f, 1, NULL);
    worker_wait_for_step(f, id, 1);
    bool found = false;
    for (int i = 0; i < 5000 && !found; i++) {
        // A request that comes at the end of an epoch is answered by the checkpoint there: ask
        // again.
        CHECK_OK(jobs_checkpoint(f->jobs, id, NULL, NULL, &f->err), f->err);
        CheckpointList list;
        CHECK_OK(jobs_checkpoints(f->jobs, id, &list, &f->err), f->err);
        for (size_t k = 0; k < list.count; k++)
            found = found || list.items[k].step % STEPS != 0;
        checkpoint_list_free(&list);
        usleep(1000);
    }
    assert_true(found);
    CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
    JobInfo job = worker_wait_until_idle(f, id);
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
}

/* The kernels that a job computed with are in the store, and the next of its kind is given them. */
static void kernels_are_recorded_and_taken_over(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{" TINY ",\"epochs\":1}");
    Workers *workers = worker_start(f, 1, NULL);
    JobInfo job = worker_wait_until_idle(f, id);
    job_info_free(&job);
    assert_true(workers_stop(workers, 60));
    jobs_reopen(f);
    jobs_add(f, "{" TINY ",\"epochs\":1}");
    Run *run = jobs_take(f);
    assert_non_null(run_kernels(run));
    assert_true(strlen(run_kernels(run)) > 20);
    run_end(run, (RunEnd){RUN_SUCCEEDED, "completed", ""});
    // Another seed is another job: nothing is known of it.
    jobs_add(f, "{\"network\":\"googlenet_tiny\",\"seed\":4}");
    run = jobs_take(f);
    assert_null(run_kernels(run));
    run_end(run, (RunEnd){RUN_SUCCEEDED, "completed", ""});
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, jobs_set_up, jobs_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(a_job_trains_to_its_end),
        CASE(a_stopped_job_goes_on_to_the_same_bits),
        CASE(a_daemon_that_leaves_takes_up_its_job_again),
        CASE(two_workers_train_two_jobs_at_a_time),
        CASE(early_stopping_and_budgets_are_successes),
        CASE(kernels_are_recorded_and_taken_over),
        CASE(a_checkpoint_comes_when_it_is_wanted),
    };
    return RUN_TESTS(tests);
}
