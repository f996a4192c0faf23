/* tests/server/jobs/test_jobs.c -- what clients may ask of jobs, and what they are told. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/jobs/job_files.h"
#include "tests/check.h"
#include "tests/server/jobs/fixture.h"

static const RunEnd STOPPED = {RUN_STOPPED, "", ""};
static const RunEnd SUCCEEDED = {RUN_SUCCEEDED, "completed", ""};
static const RunEnd FAILED = {RUN_FAILED, "not_a_number", "the loss is not a number"};

static void a_new_job_waits_in_the_queue(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(
        f,
        "{\"name\":\"mine\",\"epochs\":3,\"metadata\":{\"who\":\"me\"},\"model\":\"googlenet\"}");
    JobInfo job;
    CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
    assert_int_equal(job.state, JOB_QUEUED);
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
    assert_int_equal(run_resume_step(run), 0);
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
    assert_int_equal(job.state, JOB_SUCCEEDED);
    assert_string_equal(job.stop_reason, "completed");
    assert_int_equal(job.progress.step, 10);
    assert_int_equal(job.latest.step, 10);
    assert_int_equal(job.latest.epoch, 1);
    assert_int_equal(job.best.epoch, 1);
    assert_int_equal(job.best.checkpoint_step, 10);
    assert_true(job.finished_at >= job.started_at && job.started_at >= job.created_at);
    assert_int_equal(job.estimated_finish_at, 0);
    job_info_free(&job);

    JobCounts counts;
    CHECK_OK(jobs_counts(f->jobs, &counts, &f->err), f->err);
    assert_int_equal(counts.by_state[JOB_SUCCEEDED], 1);
    assert_int_equal(counts.finished[JOB_SUCCEEDED], 1);
    assert_int_equal(counts.steps, 10);
    assert_int_equal(counts.examples, 320);
    assert_int_equal(counts.checkpoints, 1);
}

/* Ask everything of a job in the given state; `may` names what is allowed there. */
static void check_wishes(JobsFixture *f, int64_t id, const char *may)
{
    static const struct {
        const char *name;
        bool (*ask)(Jobs *jobs, int64_t id, JobInfo *job, Error *err);
    } WISHES[] = {{"stop", jobs_stop}, {"resume", jobs_resume}, {"checkpoint", jobs_checkpoint}};
    const JobState before = jobs_state(f, id);
    for (size_t i = 0; i < COUNT(WISHES); i++) {
        if (strstr(may, WISHES[i].name))
            continue;
        f->err = (Error){0};
        if (WISHES[i].ask(f->jobs, id, NULL, &f->err))
            fail_msg("%s was allowed in state %s", WISHES[i].name, JOB_STATE_NAMES[before]);
        assert_int_equal(f->err.code, ERR_CONFLICT);
        assert_non_null(strstr(f->err.message, JOB_STATE_NAMES[before]));
        assert_int_equal(jobs_state(f, id), before);
    }
    if (!strstr(may, "delete")) {
        assert_false(jobs_delete(f->jobs, id, &f->err));
        assert_int_equal(f->err.code, ERR_CONFLICT);
        assert_int_equal(jobs_state(f, id), before);
    }
}

static void each_state_refuses_what_does_not_fit(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    check_wishes(f, id, "stop");  // queued
    Run *run = jobs_take(f);
    check_wishes(f, id, "stop checkpoint");  // running
    run_records_checkpoint(f, run, 5, false, 1);
    CHECK_OK(jobs_stop(f->jobs, id, NULL, &f->err), f->err);
    check_wishes(f, id, "");  // stopping
    run_end(run, STOPPED);
    check_wishes(f, id, "resume delete");  // stopped
    CHECK_OK(jobs_resume(f->jobs, id, NULL, &f->err), f->err);
    run_end(jobs_take(f), FAILED);
    check_wishes(f, id, "resume delete");  // failed
    CHECK_OK(jobs_resume(f->jobs, id, NULL, &f->err), f->err);
    run_end(jobs_take(f), SUCCEEDED);
    check_wishes(f, id, "delete");  // succeeded
}

static void a_queued_job_stops_at_once_and_is_not_taken(void **state)
{
    JobsFixture *f = *state;
    const int64_t first = jobs_add(f, "{}"), second = jobs_add(f, "{}");
    JobInfo job;
    CHECK_OK(jobs_stop(f->jobs, first, &job, &f->err), f->err);
    assert_int_equal(job.state, JOB_STOPPED);
    assert_string_equal(job.stop_reason, "requested");
    assert_true(job.finished_at > 0);
    job_info_free(&job);
    Run *run = jobs_take(f);
    assert_int_equal(run_job(run)->id, second);
    run_end(run, SUCCEEDED);
}

static void a_running_job_is_told_once_per_wish(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    RunWish wish = run_wish(run);
    assert_false(wish.stop || wish.checkpoint);
    CHECK_OK(jobs_checkpoint(f->jobs, id, NULL, &f->err), f->err);
    wish = run_wish(run);
    assert_true(wish.checkpoint && !wish.stop);
    assert_false(run_wish(run).checkpoint);
    jobs_checkpoint_all(f->jobs);
    assert_true(run_wish(run).checkpoint);
    CHECK_OK(jobs_stop(f->jobs, id, NULL, &f->err), f->err);
    assert_true(run_wish(run).stop);
    assert_true(run_wish(run).stop);
    run_end(run, STOPPED);
    assert_int_equal(jobs_state(f, id), JOB_STOPPED);
}

static void a_job_may_succeed_or_fail_while_it_is_stopping(void **state)
{
    JobsFixture *f = *state;
    static const JobState WANT[] = {JOB_SUCCEEDED, JOB_FAILED};
    for (int i = 0; i < 2; i++) {
        const int64_t id = jobs_add(f, "{}");
        Run *run = jobs_take(f);
        CHECK_OK(jobs_stop(f->jobs, id, NULL, &f->err), f->err);
        run_end(run, i == 0 ? SUCCEEDED : FAILED);
        JobInfo job;
        CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
        assert_int_equal(job.state, WANT[i]);
        assert_string_equal(job.stop_reason, i == 0 ? "completed" : "");
        assert_string_equal(job.error.code, i == 0 ? "" : "not_a_number");
        job_info_free(&job);
    }
}

static void a_resumed_job_goes_to_the_end_of_the_queue(void **state)
{
    JobsFixture *f = *state;
    const int64_t first = jobs_add(f, "{}");
    CHECK_OK(jobs_stop(f->jobs, first, NULL, &f->err), f->err);
    const int64_t second = jobs_add(f, "{}");
    usleep(2000);  // queued_at counts milliseconds
    CHECK_OK(jobs_resume(f->jobs, first, NULL, &f->err), f->err);
    Run *run = jobs_take(f);
    assert_int_equal(run_job(run)->id, second);
    Run *other = jobs_take(f);
    assert_int_equal(run_job(other)->id, first);
    assert_string_equal(run_job(other)->stop_reason, "");
    run_end(run, SUCCEEDED);
    run_end(other, SUCCEEDED);
}

static void a_failed_job_without_checkpoint_cannot_go_on(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    run_end(jobs_take(f), FAILED);
    CHECK_REFUSED(jobs_resume(f->jobs, id, NULL, &f->err), f->err, ERR_CONFLICT,
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
    CHECK_OK(jobs_resume(f->jobs, id, NULL, &f->err), f->err);
    run = jobs_take(f);
    assert_int_equal(run_resume_step(run), 10);
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

static void the_latest_and_the_best_checkpoints_stay(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    for (int64_t step = 10; step <= 60; step += 10) {
        const bool best = step == 20;
        run_records_epoch(f, run, step / 10, step, best ? 0.9 : 0.1);
        run_records_checkpoint(f, run, step, best || step == 10, 2);
    }
    static const int64_t WANT[] = {20, 50, 60};
    CheckpointList list;
    CHECK_OK(jobs_checkpoints(f->jobs, id, &list, &f->err), f->err);
    assert_int_equal(list.count, COUNT(WANT));
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.items[i].step, WANT[i]);
        assert_int_equal(list.items[i].best, i == 0);
        assert_int_equal(list.items[i].latest, i == 2);
    }
    checkpoint_list_free(&list);
    for (int64_t step = 10; step <= 60; step += 10) {
        const bool kept = step == 20 || step >= 50;
        assert_int_equal(access(job_model_path(f->scratch.path, id, step).text, F_OK) == 0, kept);
        assert_int_equal(access(job_training_path(f->scratch.path, id, step).text, F_OK) == 0,
                         kept);
    }
    run_end(run, SUCCEEDED);
}

static void a_checkpoint_opens_by_step_and_by_role(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    run_records_epoch(f, run, 1, 10, 0.9);
    run_records_checkpoint(f, run, 10, true, 1);
    run_records_checkpoint(f, run, 15, false, 1);
    static const struct {
        const char *which;
        int64_t step;
    } NAMES[] = {{"step_10", 10}, {"best", 10}, {"step_15", 15}, {"latest", 15}};
    CheckpointRow row;
    int fd;
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        CHECK_OK(jobs_checkpoint_open(f->jobs, id, NAMES[i].which, &row, &fd, &f->err), f->err);
        assert_int_equal(row.step, NAMES[i].step);
        close(fd);
    }
    static const char *const WRONG[] = {"step_11", "15", "../store.db", "", "step_15 "};
    for (size_t i = 0; i < COUNT(WRONG); i++) {
        assert_false(jobs_checkpoint_open(f->jobs, id, WRONG[i], &row, &fd, &f->err));
        assert_int_equal(f->err.code, ERR_NOT_FOUND);
    }
    run_end(run, SUCCEEDED);
}

static void a_key_gives_the_same_job_also_after_a_restart(void **state)
{
    JobsFixture *f = *state;
    JobSpec spec = {0};
    Faults faults = {0};
    cJSON *json = cJSON_Parse("{}");
    assert_true(spec_read(json, (SpecRules){0}, &spec, &faults));
    JobRequest request = {.spec = &spec, .key = "k1", .request = "hash-1"};
    JobInfo job;
    bool replayed;
    CHECK_OK(jobs_create(f->jobs, &request, &job, &replayed, &f->err), f->err);
    assert_false(replayed);
    const int64_t id = job.id;
    job_info_free(&job);
    jobs_reopen(f);
    CHECK_OK(jobs_create(f->jobs, &request, &job, &replayed, &f->err), f->err);
    assert_true(replayed);
    assert_int_equal(job.id, id);
    job_info_free(&job);
    request.request = "hash-2";
    CHECK_REFUSED(jobs_create(f->jobs, &request, &job, &replayed, &f->err), f->err, ERR_CONFLICT,
                  "the idempotency key k1 was used before for another request");
    request.key = "k2";
    CHECK_OK(jobs_create(f->jobs, &request, &job, &replayed, &f->err), f->err);
    assert_int_equal(job.id, id + 1);
    job_info_free(&job);
    spec_free(&spec);
    cJSON_Delete(json);
}

static bool create_plain(JobsFixture *f, int64_t parent, JobInfo *job)
{
    JobSpec spec = {0};
    Faults faults = {0};
    bool replayed;
    cJSON *json = cJSON_Parse("{}");
    assert_true(spec_read(json, (SpecRules){0}, &spec, &faults));
    const JobRequest request = {.spec = &spec, .parent_id = parent};
    f->err = (Error){0};
    const bool ok = jobs_create(f->jobs, &request, job, &replayed, &f->err);
    spec_free(&spec);
    cJSON_Delete(json);
    return ok;
}

static void the_store_has_a_limit_of_jobs(void **state)
{
    JobsFixture *f = *state;
    for (int i = 0; i < 5; i++)
        jobs_add(f, "{}");
    JobInfo job;
    CHECK_REFUSED(create_plain(f, 0, &job), f->err, ERR_CONFLICT,
                  "the store holds 5 jobs, its limit: delete some first");
    CHECK_OK(jobs_stop(f->jobs, 3, NULL, &f->err), f->err);
    CHECK_OK(jobs_delete(f->jobs, 3, &f->err), f->err);
    CHECK_OK(create_plain(f, 0, &job), f->err);
    job_info_free(&job);
}

static void a_clone_knows_its_parent_which_must_be_there(void **state)
{
    JobsFixture *f = *state;
    const int64_t parent = jobs_add(f, "{}");
    JobInfo job;
    CHECK_OK(create_plain(f, parent, &job), f->err);
    assert_int_equal(job.parent_id, parent);
    job_info_free(&job);
    CHECK_REFUSED(create_plain(f, 77, &job), f->err, ERR_NOT_FOUND, "there is no job job_77");
}

static void a_patch_changes_name_and_metadata_alone(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{\"name\":\"a\",\"metadata\":{\"k\":\"v\"}}");
    JobInfo job;
    CHECK_OK(jobs_patch(f->jobs, id, (JobPatch){.name = "b"}, &job, &f->err), f->err);
    assert_string_equal(job.name, "b");
    assert_string_equal(job.metadata, "{\"k\":\"v\"}");
    job_info_free(&job);
    CHECK_OK(jobs_patch(f->jobs, id, (JobPatch){.metadata = "{}"}, &job, &f->err), f->err);
    assert_string_equal(job.name, "b");
    assert_string_equal(job.metadata, "{}");
    job_info_free(&job);
    EventList events;
    CHECK_OK(jobs_events(f->jobs, (SeriesPage){.job_id = id, .after = 2}, &events, &f->err),
             f->err);
    assert_int_equal(events.count, 1);
    assert_string_equal(events.items[0].type, "updated");
    assert_string_equal(events.items[0].data, "{\"name\":\"b\",\"metadata\":{}}");
    event_list_free(&events);
}

static void deleting_takes_rows_and_files_and_tells(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    run_records_point(f, run, 1);
    run_records_checkpoint(f, run, 1, false, 1);
    run_end(run, SUCCEEDED);
    assert_int_equal(access(job_folder(f->scratch.path, id).text, F_OK), 0);
    CHECK_OK(jobs_delete(f->jobs, id, &f->err), f->err);
    assert_int_not_equal(access(job_folder(f->scratch.path, id).text, F_OK), 0);
    CHECK_REFUSED(jobs_delete(f->jobs, id, &f->err), f->err, ERR_NOT_FOUND,
                  "there is no job job_1");
    EventList events;
    CHECK_OK(jobs_events(f->jobs, (SeriesPage){0}, &events, &f->err), f->err);
    assert_int_equal(events.count, 1);
    assert_string_equal(events.items[0].type, "deleted");
    assert_int_equal(events.items[0].job_id, id);
    assert_int_equal(events.items[0].id, events_last(jobs_bell(f->jobs)));
    event_list_free(&events);
}

static void events_tell_the_whole_story_in_order(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    run_records_point(f, run, 1);
    run_records_epoch(f, run, 1, 1, 0.5);
    CHECK_OK(run_note(run, "bits may differ", &f->err), f->err);
    run_records_checkpoint(f, run, 1, true, 1);
    run_end(run, FAILED);
    static const struct {
        const char *type, *data;
    } WANT[] = {
        {"created", "{\"state\":\"queued\"}"},
        {"state",
         "{\"state\":\"running\",\"previous\":\"queued\",\"stop_reason\":null,\"error\":null}"},
        {"point", "{\"step\":1,\"epoch\":0.1,\"loss\":1,\"accuracy\":0.5,\"learning_rate\":0.1}"},
        {"epoch", "{\"epoch\":1,\"step\":1,\"train_loss\":0,\"train_accuracy\":0,\"test_loss\":0,"
                  "\"test_accuracy\":0.5,\"test_top5_accuracy\":0,\"learning_rate\":0,"
                  "\"examples_per_second\":0,\"duration_seconds\":0}"},
        {"note", "{\"message\":\"bits may differ\"}"},
        {"checkpoint",
         "{\"checkpoint\":\"step_1\",\"step\":1,\"epoch\":0,\"bytes\":0,\"best\":true}"},
        {"state",
         "{\"state\":\"failed\",\"previous\":\"running\",\"stop_reason\":null,"
         "\"error\":{\"code\":\"not_a_number\",\"message\":\"the loss is not a number\"}}"},
    };
    EventList events;
    CHECK_OK(jobs_events(f->jobs, (SeriesPage){.job_id = id}, &events, &f->err), f->err);
    assert_int_equal(events.count, COUNT(WANT));
    for (size_t i = 0; i < COUNT(WANT); i++) {
        assert_string_equal(events.items[i].type, WANT[i].type);
        assert_string_equal(events.items[i].data, WANT[i].data);
        assert_int_equal(events.items[i].id, i + 1);
    }
    assert_int_equal(events_last(jobs_bell(f->jobs)), COUNT(WANT));
    event_list_free(&events);
}

static void a_daemon_that_leaves_takes_nothing_new(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    jobs_leave(f->jobs);
    assert_true(run_wish(run).stop);
    assert_null(runs_take(f->jobs));
    JobInfo job;
    CHECK_REFUSED(create_plain(f, 0, &job), f->err, ERR_STOPPED,
                  "the daemon is shutting down and takes no new jobs");
    run_end(run, STOPPED);
    CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
    assert_int_equal(job.state, JOB_QUEUED);
    assert_int_equal(job.restart_count, 0);
    job_info_free(&job);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, jobs_set_up, jobs_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(a_new_job_waits_in_the_queue),
        CASE(a_life_from_queue_to_success),
        CASE(each_state_refuses_what_does_not_fit),
        CASE(a_queued_job_stops_at_once_and_is_not_taken),
        CASE(a_running_job_is_told_once_per_wish),
        CASE(a_job_may_succeed_or_fail_while_it_is_stopping),
        CASE(a_resumed_job_goes_to_the_end_of_the_queue),
        CASE(a_failed_job_without_checkpoint_cannot_go_on),
        CASE(going_on_takes_back_what_lies_beyond_the_checkpoint),
        CASE(the_latest_and_the_best_checkpoints_stay),
        CASE(a_checkpoint_opens_by_step_and_by_role),
        CASE(a_key_gives_the_same_job_also_after_a_restart),
        CASE(the_store_has_a_limit_of_jobs),
        CASE(a_clone_knows_its_parent_which_must_be_there),
        CASE(a_patch_changes_name_and_metadata_alone),
        CASE(deleting_takes_rows_and_files_and_tells),
        CASE(events_tell_the_whole_story_in_order),
        CASE(a_daemon_that_leaves_takes_nothing_new),
    };
    return RUN_TESTS(tests);
}
