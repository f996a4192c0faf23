/* tests/server/jobs/test_jobs_kept.c -- what is kept of jobs: checkpoints, keys, names, events; and
 * within which limits. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/jobs_shared.h"
#include "tests/check.h"
#include "tests/server/jobs/fixture.h"

static const RunEnd STOPPED = {RUN_STOPPED, "", ""};
static const RunEnd SUCCEEDED = {RUN_SUCCEEDED, "completed", ""};
static const RunEnd FAILED = {RUN_FAILED, "not_a_number", "the loss is not a number"};

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
    JobRequest request = {.spec = &spec, .key = {"k1", "hash-1"}};
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
    request.key.request = "hash-2";
    CHECK_REFUSED(jobs_create(f->jobs, &request, &job, &replayed, &f->err), f->err, ERR_CONFLICT,
                  "the idempotency key k1 was used before for another request");
    request.key.text = "k2";
    CHECK_OK(jobs_create(f->jobs, &request, &job, &replayed, &f->err), f->err);
    assert_int_equal(job.id, id + 1);
    job_info_free(&job);
    spec_free(&spec);
    cJSON_Delete(json);
}

static bool create_from(JobsFixture *f, int64_t parent, const char *init, JobInfo *job)
{
    JobSpec spec = {0};
    Faults faults = {0};
    bool replayed;
    cJSON *json = cJSON_Parse("{}");
    assert_true(spec_read(json, (SpecRules){0}, &spec, &faults));
    const JobRequest request = {.spec = &spec, .parent_id = parent, .init = init};
    f->err = (Error){0};
    const bool ok = jobs_create(f->jobs, &request, job, &replayed, &f->err);
    spec_free(&spec);
    cJSON_Delete(json);
    return ok;
}

static bool create_plain(JobsFixture *f, int64_t parent, JobInfo *job)
{
    return create_from(f, parent, NULL, job);
}

static void a_source_that_has_just_gone_makes_no_job(void **state)
{
    JobsFixture *f = *state;
    JobInfo job;
    CHECK_REFUSED(create_from(f, 0, "/nowhere/step_1.model.safetensors", &job), f->err,
                  ERR_NOT_FOUND, "what it was to start from has just been deleted");
    assert_string_equal(f->err.reason, "source_not_found");
    assert_int_equal(jobs_add(f, "{}"), 1);
}

static void the_store_has_a_limit_of_jobs(void **state)
{
    JobsFixture *f = *state;
    for (int i = 0; i < 5; i++)
        jobs_add(f, "{}");
    JobInfo job;
    CHECK_REFUSED(create_plain(f, 0, &job), f->err, ERR_CONFLICT,
                  "limits.jobs allows 5 stored jobs and no more: delete some first");
    CHECK_OK(jobs_stop(f->jobs, 3, NULL, NULL, &f->err), f->err);
    CHECK_OK(jobs_delete(f->jobs, 3, NULL, NULL, &f->err), f->err);
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

static bool edit_name(void *context, JobInfo *job, Error *err)
{
    (void)err;
    snprintf(job->name, sizeof job->name, "%s", (const char *)context);
    return true;
}

static bool edit_metadata(void *context, JobInfo *job, Error *err)
{
    (void)err;
    free(job->metadata);
    job->metadata = xstrdup(context);
    snprintf(job->stop_reason, sizeof job->stop_reason, "ignored");
    return true;
}

static bool refuse(void *context, JobInfo *job, Error *err)
{
    edit_metadata(context, job, err);
    return fail(err, ERR_INVALID, "not like this");
}

static bool refuse_deletion(void *context, JobInfo *job, Error *err)
{
    (void)context, (void)job;
    return fail(err, ERR_INVALID, "not like this");
}

static void an_edit_changes_name_and_metadata_alone(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{\"name\":\"a\",\"metadata\":{\"k\":\"v\"}}");
    JobInfo job;
    CHECK_OK(jobs_edit(f->jobs, id, edit_name, "b", &job, &f->err), f->err);
    assert_string_equal(job.name, "b");
    assert_string_equal(job.metadata, "{\"k\":\"v\"}");
    job_info_free(&job);
    CHECK_OK(jobs_edit(f->jobs, id, edit_metadata, "{}", &job, &f->err), f->err);
    assert_string_equal(job.name, "b");
    assert_string_equal(job.metadata, "{}");
    job_info_free(&job);
    // What is refused and what changes nothing leaves no trace.
    CHECK_REFUSED(jobs_edit(f->jobs, id, refuse, "{\"x\":\"y\"}", &job, &f->err), f->err,
                  ERR_INVALID, "not like this");
    CHECK_OK(jobs_edit(f->jobs, id, edit_name, "b", &job, &f->err), f->err);
    assert_string_equal(job.metadata, "{}");
    assert_string_equal(job.stop_reason, "");
    job_info_free(&job);
    CHECK_OK(jobs_edit(f->jobs, id, edit_name, "b", NULL, &f->err), f->err);
    EventList events;
    CHECK_OK(jobs_events(f->jobs, (SeriesPage){.job_id = id, .after = 1}, &events, &f->err),
             f->err);
    assert_int_equal(events.count, 2);
    assert_string_equal(events.items[1].type, "updated");
    assert_string_equal(events.items[1].data, "{\"name\":\"b\",\"metadata\":{}}");
    event_list_free(&events);
}

static int64_t free_pages(JobsFixture *f)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(scratch_path(&f->scratch, "store.db"), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA freelist_count", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const int64_t count = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return count;
}

static void tell_much(JobsFixture *f, int64_t id)
{
    enum { EVENTS = 750, TEXT = 32000 };
    Store *store = jobs_store(f->jobs);
    char *text = xcalloc(TEXT + 1, 1);
    memset(text, 'x', TEXT);
    CHECK_OK(store_begin(store, &f->err), f->err);
    for (int i = 0; i < EVENTS; i++) {
        Event event = {.job_id = id, .type = "note", .data = text};
        CHECK_OK(store_add_event(store, &event, &f->err), f->err);
    }
    CHECK_OK(store_commit(store, &f->err), f->err);
    free(text);
}

/* Few rows are gone before the call returns, and there is nothing left to be removed later. The
 * first time may be the one look that each start takes. */
static void each_deletion_gives_space_back(void **state)
{
    enum { SPARE = 4096 };
    JobsFixture *f = *state;
    for (int i = 0; i < 2; i++) {
        const int64_t id = jobs_add(f, "{}");
        tell_much(f, id);
        CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
        CHECK_OK(jobs_delete(f->jobs, id, NULL, NULL, &f->err), f->err);
        while (free_pages(f) > SPARE)
            usleep(10000);
    }
}

static void a_deletion_may_be_refused_by_who_asks(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    CHECK_OK(jobs_stop(f->jobs, id, NULL, NULL, &f->err), f->err);
    CHECK_REFUSED(jobs_delete(f->jobs, id, refuse_deletion, NULL, &f->err), f->err, ERR_INVALID,
                  "not like this");
    JobInfo job;
    CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
    job_info_free(&job);
    CHECK_OK(jobs_delete(f->jobs, id, edit_name, "any", &f->err), f->err);
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
    CHECK_OK(jobs_delete(f->jobs, id, NULL, NULL, &f->err), f->err);
    assert_int_not_equal(access(job_folder(f->scratch.path, id).text, F_OK), 0);
    CHECK_REFUSED(jobs_delete(f->jobs, id, NULL, NULL, &f->err), f->err, ERR_NOT_FOUND,
                  "there is no job job_1");
    EventList events;
    CHECK_OK(jobs_events(f->jobs, (SeriesPage){0}, &events, &f->err), f->err);
    assert_int_equal(events.count, 1);
    assert_string_equal(events.items[0].type, "deleted");
    assert_int_equal(events.items[0].job_id, id);
    assert_int_equal(events.items[0].id, events_last(jobs_notifier(f->jobs)));
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
        {"created", "{\"status\":\"queued\"}"},
        {"status",
         "{\"status\":\"running\",\"previous\":\"queued\",\"stop_reason\":null,\"error\":null}"},
        {"point", "{\"step\":1,\"epoch\":0.1,\"loss\":1,\"accuracy\":0.5,\"learning_rate\":0.1,"
                  "\"seconds\":2}"},
        {"epoch", "{\"epoch\":1,\"step\":1,\"train_loss\":0,\"train_accuracy\":0,"
                  "\"validation_loss\":null,\"validation_accuracy\":null,\"test_loss\":0,"
                  "\"test_accuracy\":0.5,\"test_top5_accuracy\":0,\"learning_rate\":0,"
                  "\"examples_per_second\":0,\"duration_seconds\":0}"},
        {"note", "{\"message\":\"bits may differ\"}"},
        {"checkpoint",
         "{\"checkpoint\":\"step_1\",\"step\":1,\"epoch\":0,\"bytes\":0,\"best\":true}"},
        {"status",
         "{\"status\":\"failed\",\"previous\":\"running\",\"stop_reason\":null,"
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
    assert_int_equal(events_last(jobs_notifier(f->jobs)), COUNT(WANT));
    event_list_free(&events);
}

static void a_daemon_that_leaves_takes_nothing_new(void **state)
{
    JobsFixture *f = *state;
    const int64_t id = jobs_add(f, "{}");
    Run *run = jobs_take(f);
    CHECK_OK(jobs_ready(f->jobs, &f->err), f->err);
    jobs_leave(f->jobs);
    assert_true(run_requests(run, true).stop);
    CHECK_REFUSED(jobs_ready(f->jobs, &f->err), f->err, ERR_STOPPED, "the daemon is shutting down");
    assert_null(runs_take(f->jobs));
    JobInfo job;
    CHECK_REFUSED(create_plain(f, 0, &job), f->err, ERR_STOPPED,
                  "the daemon is shutting down and takes no new jobs");
    run_end(run, STOPPED);
    CHECK_OK(jobs_get(f->jobs, id, &job, &f->err), f->err);
    assert_int_equal(job.status, JOB_QUEUED);
    assert_int_equal(job.restart_count, 0);
    job_info_free(&job);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, jobs_set_up, jobs_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(the_latest_and_the_best_checkpoints_stay),
        CASE(a_checkpoint_opens_by_step_and_by_role),
        CASE(a_key_gives_the_same_job_also_after_a_restart),
        CASE(a_source_that_has_just_gone_makes_no_job),
        CASE(the_store_has_a_limit_of_jobs),
        CASE(a_clone_knows_its_parent_which_must_be_there),
        CASE(an_edit_changes_name_and_metadata_alone),
        CASE(a_deletion_may_be_refused_by_who_asks),
        CASE(each_deletion_gives_space_back),
        CASE(deleting_takes_rows_and_files_and_tells),
        CASE(events_tell_the_whole_story_in_order),
        CASE(a_daemon_that_leaves_takes_nothing_new),
    };
    return RUN_TESTS(tests);
}
