/* tests/server/jobs/test_recover.c -- what a start makes of what a sudden death left behind. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/jobs/files/job_files.h"
#include "server/jobs/runs_private.h"
#include "tests/check.h"
#include "tests/server/jobs/fixture.h"

/* As a death would: the run is gone, and nothing was written down of its end. */
static void die(JobsFixture *f, Run *run)
{
    run_free(run);
    jobs_reopen(f);
}

static void check_last_note(JobsFixture *f, int64_t id, const char *want)
{
    EventList events;
    const char *last = "none";
    CHECK_OK(jobs_events(f->jobs, (SeriesPage){.job_id = id}, &events, &f->err), f->err);
    for (size_t i = 0; i < events.count; i++)
        if (strcmp(events.items[i].type, "note") == 0)
            last = events.items[i].data;
    assert_string_equal(last, want);
    event_list_free(&events);
}

static void a_running_job_is_queued_again_before_the_others(void **state)
{
    JobsFixture *f = *state;
    const int64_t first = jobs_add(f, "{}");
    const int64_t second = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    run_records_checkpoint(f, run, 7, false, 1);
    run_records_point(f, run, 9);
    die(f, run);
    JobInfo job;
    CHECK_OK(jobs_get(f->jobs, first, &job, &f->err), f->err);
    assert_int_equal(job.status, JOB_QUEUED);
    assert_int_equal(job.restart_count, 1);
    job_info_free(&job);
    check_last_note(f, first,
                    "{\"message\":\"the daemon ended while this job ran; it goes on from its last "
                    "checkpoint\"}");
    run = jobs_take(f);
    assert_int_equal(run_job(run)->id, first);
    assert_int_equal(resume_step(run), 7);
    PointList points;
    CHECK_OK(jobs_curve(f->jobs, (SeriesPage){.job_id = first}, &points, &f->err), f->err);
    assert_int_equal(points.count, 0);
    point_list_free(&points);
    run_end(run, (RunEnd){RUN_SUCCEEDED, "completed", ""});
    assert_int_equal(jobs_state(f, second), JOB_QUEUED);
}

static void a_stopping_job_is_stopped(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
    die(f, run);
    JobInfo job;
    CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
    assert_int_equal(job.status, JOB_STOPPED);
    assert_string_equal(job.stop_reason, "requested");
    assert_int_equal(job.restart_count, 0);
    job_info_free(&job);
}

static void three_restarts_without_progress_are_enough(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(jobs_state(f, id), JOB_QUEUED);
        die(f, jobs_take(f));
    }
    check_last_note(f, id,
                    "{\"message\":\"the daemon ended while this job ran; it begins anew: it had no "
                    "checkpoint yet\"}");
    JobInfo job;
    CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
    assert_int_equal(job.status, JOB_FAILED);
    assert_int_equal(job.restart_count, 3);
    assert_string_equal(job.error.code, "restarts");
    assert_string_equal(
        job.error.message,
        "the daemon died 4 times while this job ran, without a new checkpoint in between");
    job_info_free(&job);
}

static void a_new_checkpoint_is_progress(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    for (int i = 1; i <= 10; i++) {
        Run *run = jobs_take(f);
        if (i % 3 == 0)
            run_records_checkpoint(f, run, i, false, 1);
        die(f, run);
        assert_int_equal(jobs_state(f, id), JOB_QUEUED);
    }
}

static const RunEnd LOST = {RUN_LOST, "", "the ranks ended before the training: exit code 1"};

static void lost_ranks_are_started_again_three_times(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    for (int i = 0; i < 3; i++) {
        run_end(jobs_take(f), LOST);
        assert_int_equal(jobs_state(f, id), JOB_QUEUED);
    }
    assert_int_equal(jobs_counts(f->jobs).restarts, 3);
    // A checkpoint is progress.
    Run *run = jobs_take(f);
    run_records_checkpoint(f, run, 1, false, 1);
    run_end(run, LOST);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(jobs_state(f, id), JOB_QUEUED);
        run_end(jobs_take(f), LOST);
    }
    JobInfo job;
    CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
    assert_int_equal(job.status, JOB_FAILED);
    assert_int_equal(job.restart_count, 6);
    assert_int_equal(jobs_counts(f->jobs).restarts, 6);
    assert_string_equal(job.error.code, "ranks");
    assert_string_equal(job.error.message,
                        "its ranks ended 4 times while this job ran, without a new checkpoint in "
                        "between; the last time the ranks ended before the training: exit code 1");
    job_info_free(&job);
}

static void a_stop_outlives_the_ranks(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
    run_end(run, LOST);
    assert_int_equal(jobs_state(f, id), JOB_STOPPED);
    assert_int_equal(jobs_counts(f->jobs).restarts, 0);
}

static void a_second_daemon_is_kept_out(void **state)
{
    JobsFixture *f = *state;
    Jobs *other;
    const JobsConfig config = {.data = f->scratch.path, .max_jobs = 5, .retry_ms = 1};
    char want[2 * PATH_MAX];
    snprintf(want, sizeof want, "the data folder %s belongs to another running daemon",
             f->scratch.path);
    CHECK_REFUSED(jobs_open(&config, &other, &f->err), f->err, ERR_CONFLICT, want);
    assert_null(other);
}

static void an_abandoned_job_is_queued_and_its_worker_told(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    jobs_abandon(f->jobs);
    assert_int_equal(jobs_state(f, id), JOB_QUEUED);
    const PointRow row = {.step = 1};
    assert_false(run_point(run, &row, &f->err));
    assert_int_equal(f->err.code, ERR_CONFLICT);
    run_end(run, (RunEnd){RUN_SUCCEEDED, "completed", ""});
    assert_int_equal(jobs_state(f, id), JOB_QUEUED);
}

/* Also where nothing else knows of it: neither the store nor the file that keeps the last ids. */
static void the_id_of_a_lost_job_is_not_given_again(void **state)
{
    JobsFixture *f = *state;
    assert_int_equal(mkdir(scratch_path(&f->scratch, "lost+found"), 0700), 0);
    assert_int_equal(mkdir(scratch_path(&f->scratch, "lost+found/job_41.1"), 0700), 0);
    jobs_reopen(f);
    assert_int_equal(jobs_add(f, "{}"), 42);
}

/* A daemon that starts all the same would fail all that it has queued. */
static void a_start_needs_the_folder_of_jobs(void **state)
{
    (void)state;
    Error err = {0};
    Jobs *jobs = NULL;
    Scratch scratch = scratch_new();
    const JobsConfig config = {.data = scratch.path, .max_jobs = 1};
    const bool is_root = geteuid() == 0;
    assert_int_equal(mkdir(scratch_path(&scratch, "jobs"), 0555), 0);
    if (is_root)
        assert_int_equal(chown(scratch.path, 65534, 65534), 0);
    if (is_root)
        assert_int_equal(seteuid(65534), 0);
    const bool ok = jobs_open(&config, &jobs, &err);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    assert_false(ok);
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.message, "/jobs must be ours to read and write: Permission denied"));
    assert_null(jobs);
    assert_int_equal(chmod(scratch_path(&scratch, "jobs"), 0755), 0);
    scratch_free(&scratch);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, jobs_set_up, jobs_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(a_running_job_is_queued_again_before_the_others),
        CASE(a_stopping_job_is_stopped),
        CASE(three_restarts_without_progress_are_enough),
        CASE(a_new_checkpoint_is_progress),
        CASE(lost_ranks_are_started_again_three_times),
        CASE(a_new_checkpoint_is_progress),
        CASE(a_stop_outlives_the_ranks),
        CASE(a_new_checkpoint_is_progress),
        CASE(the_id_of_a_lost_job_is_not_given_again),
        CASE(a_start_needs_the_folder_of_jobs),
        CASE(a_second_daemon_is_kept_out),
        CASE(an_abandoned_job_is_queued_and_its_worker_told),
    };
    return RUN_TESTS(tests);
}
