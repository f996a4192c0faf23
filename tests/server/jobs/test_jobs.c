/* tests/server/jobs/test_jobs.c -- the statuses of a job, and what leads from one to the next. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/jobs/jobs_shared.h"
#include "server/jobs/runs_private.h"
#include "tests/check.h"
#include "tests/server/clocks.h"
#include "tests/server/jobs/fixture.h"

static const RunEnd STOPPED = {RUN_STOPPED, "", ""};
static const RunEnd SUCCEEDED = {RUN_SUCCEEDED, "completed", ""};
static const RunEnd LOST = {RUN_LOST, "", "it died"};
static const RunEnd FAILED = {RUN_FAILED, "not_a_number", "the loss is not a number"};

static void a_new_job_waits_in_the_queue(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(
        f,
        "{\"name\":\"mine\",\"epochs\":3,\"metadata\":{\"who\":\"me\"},\"network\":\"googlenet\"}");
    JobInfo job;
    CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
    assert_int_equal(job.status, JOB_QUEUED);
    assert_string_equal(job.name, "mine");
    assert_string_equal(job.metadata, "{\"who\":\"me\"}");
    assert_non_null(strstr(job.settings, "\"epochs\":3"));
    assert_non_null(strstr(job.settings, "\"batch_size\":128"));
    assert_null(strstr(job.settings, "mine"));
    assert_true(job.created_at > 0);
    assert_int_equal(job.started_at, 0);
    job_info_free(&job);
}

static void a_life_from_queue_to_success(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    assert_int_equal(run_job(run)->id, id);
    assert_int_equal(resume_step(run), 0);
    assert_int_equal(jobs_state(f, id), JOB_RUNNING);
    for (int64_t step = 1; step <= 10; step++)
        run_records_point(f, run, step);
    JobInfo job;
    CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
    assert_int_equal(job.progress.step, 10);
    assert_int_equal(job.progress.total_steps, 100);
    assert_true(job.estimated_finish_at > 0);
    job_info_free(&job);

    run_records_epoch(f, run, 1, 10, 0.75);
    run_records_checkpoint(f, run, 10, true, 1);
    run_end(run, SUCCEEDED);
    CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
    assert_int_equal(job.status, JOB_SUCCEEDED);
    assert_string_equal(job.stop_reason, "completed");
    assert_int_equal(job.progress.step, 10);
    assert_int_equal(job.latest.step, 10);
    assert_int_equal(job.latest.epoch, 1);
    assert_int_equal(job.best.epoch, 1);
    assert_int_equal(job.best.checkpoint_step, 10);
    assert_true(job.finished_at >= job.started_at && job.started_at >= job.created_at);
    assert_int_equal(job.estimated_finish_at, 0);
    job_info_free(&job);

    const JobCounts counts = jobs_counts(f->jobs);
    assert_int_equal(counts.by_status[JOB_SUCCEEDED], 1);
    assert_int_equal(counts.finished[JOB_SUCCEEDED], 1);
    assert_int_equal(counts.steps, 10);
    assert_int_equal(counts.examples, 320);
    assert_int_equal(counts.checkpoints, 1);
}

/* A client that has seen the job can say so (ETag): between two steps it must not change, and so
 * neither may the time at which it is to be done. */
static void a_running_job_stays_the_same_between_two_steps(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    const struct timespec pause = {.tv_nsec = 20000000};
    for (int64_t step = 1; step <= 3; step++) {
        nanosleep(&pause, NULL);
        run_records_point(f, run, step);
    }
    // 97 steps of 20 ms each, at least, are left: none of this takes so long.
    JobInfo first, second;
    CHECK_OK(jobs_get(f->jobs, id, &first, &f->err), f->err);
    nanosleep(&pause, NULL);
    CHECK_OK(jobs_get(f->jobs, id, &second, &f->err), f->err);
    assert_true(first.estimated_finish_at > first.started_at + 100 * 20);
    assert_int_equal(first.estimated_finish_at, second.estimated_finish_at);
    assert_memory_equal(&first.progress, &second.progress, sizeof first.progress);
    job_info_free(&first);
    job_info_free(&second);
    run_end(run, SUCCEEDED);
}

/* Ask everything of a job at the given status; `may` names what is allowed there. */
static void check_requests(JobsFixture *f, int64_t id, const char *may)
{
    static const struct {
        const char *name;
        bool (*ask)(Jobs *jobs, int64_t id, JobInfo *job, bool *changed, Error *err);
    } REQUESTS[] = {{"stop", jobs_stop}, {"resume", jobs_resume}, {"checkpoint", jobs_checkpoint}};
    const JobStatus before = jobs_state(f, id);
    for (size_t i = 0; i < COUNT(REQUESTS); i++) {
        if (strstr(may, REQUESTS[i].name))
            continue;
        f->err = (Error){0};
        if (REQUESTS[i].ask(f->jobs, id, NULL, NULL, &f->err))
            fail_msg("%s was allowed at status %s", REQUESTS[i].name, JOB_STATUS_NAMES[before]);
        assert_int_equal(f->err.code, ERR_CONFLICT);
        assert_non_null(strstr(f->err.message, JOB_STATUS_NAMES[before]));
        assert_int_equal(jobs_state(f, id), before);
    }
    if (!strstr(may, "delete")) {
        assert_false(jobs_delete(f->jobs, id, NULL, NULL, &f->err));
        assert_int_equal(f->err.code, ERR_CONFLICT);
        assert_int_equal(jobs_state(f, id), before);
    }
}

static void each_state_refuses_what_does_not_fit(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    check_requests(f, id, "stop resume");  // queued
    Run *run = jobs_take(f);
    check_requests(f, id, "stop resume checkpoint");  // running
    run_records_checkpoint(f, run, 5, false, 1);
    CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
    check_requests(f, id, "stop");  // stopping
    run_end(run, STOPPED);
    check_requests(f, id, "stop resume delete");  // stopped
    CHECK_OK(jobs_resume(f->jobs, id, NULL, NULL, &f->err), f->err);
    run_end(jobs_take(f), FAILED);
    check_requests(f, id, "resume delete");  // failed
    CHECK_OK(jobs_resume(f->jobs, id, NULL, NULL, &f->err), f->err);
    run_end(jobs_take(f), SUCCEEDED);
    check_requests(f, id, "delete");  // succeeded
}

static void check_steer(JobsFixture *f, int64_t id, bool stop, JobStatus want, bool want_changed)
{
    JobInfo job;
    bool changed = !want_changed;
    CHECK_OK((stop ? jobs_stop : jobs_resume)(f->jobs, id, &job, &changed, &f->err), f->err);
    assert_int_equal(job.status, want);
    assert_int_equal(changed, want_changed);
    job_info_free(&job);
}

static void stop_and_resume_may_be_repeated(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    check_steer(f, id, false, JOB_QUEUED, false);
    check_steer(f, id, true, JOB_STOPPED, true);
    check_steer(f, id, true, JOB_STOPPED, false);
    check_steer(f, id, false, JOB_QUEUED, true);
    check_steer(f, id, false, JOB_QUEUED, false);
    Run *run = jobs_take(f);
    check_steer(f, id, false, JOB_RUNNING, false);
    check_steer(f, id, true, JOB_STOPPING, true);
    const EventRange before = events_range(jobs_notifier(f->jobs));
    check_steer(f, id, true, JOB_STOPPING, false);
    assert_int_equal(events_last(jobs_notifier(f->jobs)), before.last);
    CHECK_REFUSED(jobs_resume(f->jobs, id, NULL, NULL, &f->err), f->err, ERR_CONFLICT,
                  "cannot resume a job that is stopping");
    run_end(run, STOPPED);
    check_steer(f, id, true, JOB_STOPPED, false);
}

static void a_queued_job_stops_at_once_and_is_not_taken(void **state)
{
    JobsFixture *f = *state;
    const int64_t first = jobs_add(f, "{}"), second = jobs_add(f, "{}");
    JobInfo job;
    CHECK_OK(jobs_stop(f->jobs, first, &job, NULL, &f->err), f->err);
    assert_int_equal(job.status, JOB_STOPPED);
    assert_string_equal(job.stop_reason, "requested");
    assert_true(job.finished_at > 0);
    job_info_free(&job);
    Run *run = jobs_take(f);
    assert_int_equal(run_job(run)->id, second);
    run_end(run, SUCCEEDED);
}

static void a_running_job_is_told_once_per_request(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    RunRequests asked = run_requests(run, true);
    assert_false(asked.stop || asked.checkpoint);
    CHECK_OK(jobs_checkpoint(f->jobs, id, NULL, NULL, &f->err), f->err);
    // Before the first step there is nothing to save: the request stays.
    assert_false(run_requests(run, false).checkpoint);
    asked = run_requests(run, true);
    assert_true(asked.checkpoint && !asked.stop);
    assert_false(run_requests(run, true).checkpoint);
    jobs_checkpoint_all(f->jobs);
    assert_true(run_requests(run, true).checkpoint);
    CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
    assert_true(run_requests(run, true).stop);
    assert_true(run_requests(run, true).stop);
    run_end(run, STOPPED);
    assert_int_equal(jobs_state(f, id), JOB_STOPPED);
}

static void a_job_may_succeed_or_fail_while_it_is_stopping(void **state)
{
    JobsFixture *f = *state;
    static const JobStatus WANT[] = {JOB_SUCCEEDED, JOB_FAILED};
    for (int i = 0; i < 2; i++) {
        const int64_t id = jobs_add(f, "{}");
        Run *run = jobs_take(f);
        CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
        run_end(run, i == 0 ? SUCCEEDED : FAILED);
        JobInfo job;
        CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
        assert_int_equal(job.status, WANT[i]);
        assert_string_equal(job.stop_reason, i == 0 ? "completed" : "");
        assert_string_equal(job.error.code, i == 0 ? "" : "not_a_number");
        job_info_free(&job);
    }
}

static void a_resumed_job_goes_to_the_end_of_the_queue(void **state)
{
    JobsFixture *f = *state;
    const int64_t first = jobs_add(f, "{}");
    CHECK_OK(jobs_stop(f->jobs, first, NULL, NULL, &f->err), f->err);
    const int64_t second = jobs_add(f, "{}");
    usleep(2000);  // queued_at counts milliseconds
    CHECK_OK(jobs_resume(f->jobs, first, NULL, NULL, &f->err), f->err);
    Run *run = jobs_take(f);
    assert_int_equal(run_job(run)->id, second);
    Run *other = jobs_take(f);
    assert_int_equal(run_job(other)->id, first);
    assert_string_equal(run_job(other)->stop_reason, "");
    run_end(run, SUCCEEDED);
    run_end(other, SUCCEEDED);
}

/* The queue keeps its order while somebody sets the clock to tomorrow and back again. */
static void a_clock_that_is_set_back_lets_nobody_overtake(void **state)
{
    static const int64_t SHIFTS[] = {24 * HOUR_MS, 0, -24 * HOUR_MS};
    JobsFixture *f = *state;
    int64_t ids[COUNT(SHIFTS)];
    for (size_t i = 0; i < COUNT(SHIFTS); i++) {
        clocks_shift_wall(SHIFTS[i]);
        ids[i] = jobs_add(f, "{}");
    }
    CHECK_OK(jobs_stop(f->jobs, ids[0], NULL, NULL, &f->err), f->err);
    CHECK_OK(jobs_resume(f->jobs, ids[0], NULL, NULL, &f->err), f->err);
    for (size_t i = 1; i <= COUNT(ids); i++) {
        Run *run = jobs_take(f);
        assert_int_equal(run_job(run)->id, ids[i % COUNT(ids)]);
        run_end(run, SUCCEEDED);
    }
    clocks_shift_wall(0);
}

static void nor_one_that_was_interrupted(void **state)
{
    JobsFixture *f = *state;
    clocks_shift_wall(24 * HOUR_MS);
    const int64_t first = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    clocks_shift_wall(0);
    jobs_add(f, "{}");
    run_end(run, LOST);
    run = jobs_take(f);
    assert_int_equal(run_job(run)->id, first);
    run_end(run, SUCCEEDED);
}

static void a_failed_job_without_checkpoint_cannot_go_on(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    run_end(jobs_take(f), FAILED);
    CHECK_REFUSED(jobs_resume(f->jobs, id, NULL, NULL, &f->err), f->err, ERR_CONFLICT,
                  "cannot resume a failed job that has no checkpoint: clone it instead");
}

static void going_on_takes_back_what_lies_beyond_the_checkpoint(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    for (int64_t step = 1; step <= 10; step++)
        run_records_point(f, run, step);
    run_records_epoch(f, run, 1, 10, 0.5);
    run_records_checkpoint(f, run, 10, true, 1);
    for (int64_t step = 11; step <= 20; step++)
        run_records_point(f, run, step);
    run_records_epoch(f, run, 2, 20, 0.9);
    run_end(run, FAILED);
    CHECK_OK(jobs_resume(f->jobs, id, NULL, NULL, &f->err), f->err);
    run = jobs_take(f);
    assert_int_equal(resume_step(run), 10);
    assert_string_equal(run_job(run)->error.code, "");
    assert_int_equal(run_job(run)->progress.step, 10);
    assert_int_equal(run_job(run)->best.epoch, 1);

    PointList points;
    EventList events;
    CHECK_OK(jobs_curve(f->jobs, (SeriesPage){.job_id = id}, &points, &f->err), f->err);
    assert_int_equal(points.count, 10);
    assert_int_equal(points.items[9].step, 10);
    point_list_free(&points);
    CHECK_OK(jobs_events(f->jobs, (SeriesPage){.job_id = id}, &events, &f->err), f->err);
    int seen = 0;
    for (size_t i = 0; i < events.count; i++)
        seen += strcmp(events.items[i].type, "point") == 0;
    assert_int_equal(seen, 10);
    assert_string_equal(events.items[events.count - 1].type, "resumed");
    assert_string_equal(events.items[events.count - 1].data, "{\"step\":10}");
    event_list_free(&events);
    run_end(run, SUCCEEDED);
}

/* A job whose end could not be recorded: no worker has it any more, and no restart has come yet. */
static void a_deserted_job_can_be_stopped_and_deleted(void **state)
{
    JobsFixture *f = *state;
    for (int repeated = 0; repeated < 2; repeated++) {
        const int64_t id = jobs_add(f, "{}");
        Run *run = jobs_take(f);
        if (repeated)
            CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
        run_free(run);
        JobInfo job;
        bool changed;
        CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
        assert_string_equal(job.warning,
                            "no worker has this job any more, and its end could not be "
                            "recorded: stop it");
        job_info_free(&job);
        CHECK_OK(jobs_stop(f->jobs, id, &job, &changed, &f->err), f->err);
        assert_int_equal(job.status, JOB_STOPPED);
        assert_string_equal(job.warning, "");
        assert_true(changed);
        job_info_free(&job);
        CHECK_OK(jobs_delete(f->jobs, id, NULL, NULL, &f->err), f->err);
    }
}

static void a_key_whose_job_has_just_gone_is_new(void **state)
{
    (void)state;
    bool replayed = true;
    Error err = {0};
    fail(&err, ERR_NOT_FOUND, "there is no job job_1");
    assert_true(jobs_replay_found(false, &replayed, &err));
    assert_false(replayed);
    assert_int_equal(err.code, ERR_NONE);
    assert_true(jobs_replay_found(true, &replayed, &err));
    assert_true(replayed);
    fail(&err, ERR_IO, "the store cannot be read");
    assert_false(jobs_replay_found(false, &replayed, &err));
    assert_false(replayed);
    assert_int_equal(err.code, ERR_IO);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, jobs_set_up, jobs_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(a_new_job_waits_in_the_queue),
        CASE(a_running_job_stays_the_same_between_two_steps),
        CASE(a_life_from_queue_to_success),
        CASE(each_state_refuses_what_does_not_fit),
        CASE(stop_and_resume_may_be_repeated),
        CASE(a_queued_job_stops_at_once_and_is_not_taken),
        CASE(a_running_job_is_told_once_per_request),
        CASE(a_job_may_succeed_or_fail_while_it_is_stopping),
        CASE(a_resumed_job_goes_to_the_end_of_the_queue),
        CASE(a_clock_that_is_set_back_lets_nobody_overtake),
        CASE(nor_one_that_was_interrupted),
        CASE(a_failed_job_without_checkpoint_cannot_go_on),
        CASE(going_on_takes_back_what_lies_beyond_the_checkpoint),
        CASE(a_deserted_job_can_be_stopped_and_deleted),
        cmocka_unit_test(a_key_whose_job_has_just_gone_is_new),
    };
    return RUN_TESTS(tests);
}
