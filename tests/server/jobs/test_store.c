/* tests/server/jobs/test_store.c -- rows come back as they went in, also after a reopen. */
#include "server/jobs/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/server/jobs/scratch.h"

typedef struct {
    Scratch scratch;
    Store *store;
    Error err;
} Fixture;

static void reopen(Fixture *f)
{
    store_close(f->store);
    CHECK_OK(store_open(scratch_path(&f->scratch, "store.db"), &f->store, &f->err), f->err);
}

static int set_up(void **state)
{
    Fixture *f = xcalloc(1, sizeof *f);
    f->scratch = scratch_new();
    reopen(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *f = *state;
    store_close(f->store);
    scratch_free(&f->scratch);
    free(f);
    return 0;
}

/* A job in which no two fields are alike. */
static JobInfo full_job(void)
{
    return (JobInfo){
        .name = "a name, \xc3\xa9",
        .state = JOB_FAILED,
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
        .latest = {14, 15.1, 16.2, 17.3, 18, 19.4, 20.5},
        .best = {21, 0.1 + 0.2, 22},
        .environment = {"avx512_core_amx", 23, "3.7.2", "0.1.0"},
        .error = {"not_a_number", "the loss is not a number"},
    };
}

static JobInfo add_job(Fixture *f, JobState job_state, int64_t queued_at)
{
    JobInfo job = full_job();
    job.state = job_state;
    job.queued_at = queued_at;
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_add_job(f->store, &job, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    return job;
}

static void check_equal(const JobInfo *got, const JobInfo *want)
{
    assert_int_equal(got->id, want->id);
    assert_string_equal(got->name, want->name);
    assert_int_equal(got->state, want->state);
    assert_string_equal(got->stop_reason, want->stop_reason);
    assert_int_equal(got->created_at, want->created_at);
    assert_int_equal(got->queued_at, want->queued_at);
    assert_int_equal(got->started_at, want->started_at);
    assert_int_equal(got->finished_at, want->finished_at);
    assert_string_equal(got->settings, want->settings);
    assert_string_equal(got->metadata, want->metadata);
    assert_int_equal(got->parent_id, want->parent_id);
    assert_int_equal(got->restart_count, want->restart_count);
    assert_int_equal(got->idle_restarts, want->idle_restarts);
    assert_memory_equal(&got->progress, &want->progress, sizeof want->progress);
    assert_memory_equal(&got->latest, &want->latest, sizeof want->latest);
    assert_memory_equal(&got->best, &want->best, sizeof want->best);
    assert_string_equal(got->environment.cpu_isa, want->environment.cpu_isa);
    assert_int_equal(got->environment.threads, want->environment.threads);
    assert_string_equal(got->environment.onednn, want->environment.onednn);
    assert_string_equal(got->environment.version, want->environment.version);
    assert_string_equal(got->error.code, want->error.code);
    assert_string_equal(got->error.message, want->error.message);
}

static void a_job_comes_back_in_every_field(void **state)
{
    Fixture *f = *state;
    JobInfo job = add_job(f, JOB_FAILED, 1002), got;
    assert_int_equal(job.id, 1);
    CHECK_OK(store_job(f->store, 1, &got, &f->err), f->err);
    check_equal(&got, &job);
    job_info_free(&got);

    job.state = JOB_SUCCEEDED;
    job.progress.step = 4690;
    job.best.test_accuracy = 1.0 / 3.0;
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_save_job(f->store, &job, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    reopen(f);
    CHECK_OK(store_job(f->store, 1, &got, &f->err), f->err);
    check_equal(&got, &job);
    job_info_free(&got);
    job_info_free(&job);
}

static void a_missing_job_is_not_found(void **state)
{
    Fixture *f = *state;
    JobInfo job;
    CHECK_REFUSED(store_job(f->store, 7, &job, &f->err), f->err, ERR_NOT_FOUND,
                  "there is no job job_7");
}

static void what_is_rolled_back_was_never_there(void **state)
{
    Fixture *f = *state;
    JobInfo job = full_job();
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_add_job(f->store, &job, &f->err), f->err);
    store_rollback(f->store);
    assert_false(store_job(f->store, job.id, &job, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    job_info_free(&job);
}

static void ids_are_never_used_again(void **state)
{
    Fixture *f = *state;
    for (int64_t want = 1; want <= 3; want++) {
        JobInfo job = add_job(f, JOB_STOPPED, 1);
        assert_int_equal(job.id, want);
        CHECK_OK(store_begin(f->store, &f->err), f->err);
        CHECK_OK(store_remove_job(f->store, job.id, &f->err), f->err);
        CHECK_OK(store_commit(f->store, &f->err), f->err);
        job_info_free(&job);
        reopen(f);
    }
}

static void the_job_queued_longest_is_next(void **state)
{
    Fixture *f = *state;
    int64_t id = -1;
    static const struct {
        JobState state;
        int64_t queued_at;
    } JOBS[] = {{JOB_QUEUED, 300}, {JOB_QUEUED, 200}, {JOB_RUNNING, 100}, {JOB_QUEUED, 200}};
    for (size_t i = 0; i < COUNT(JOBS); i++) {
        JobInfo job = add_job(f, JOBS[i].state, JOBS[i].queued_at);
        job_info_free(&job);
    }
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_next_queued(f->store, &id, &f->err), f->err);
    assert_int_equal(id, 2);
    CHECK_OK(store_remove_job(f->store, 1, &f->err), f->err);
    CHECK_OK(store_remove_job(f->store, 2, &f->err), f->err);
    CHECK_OK(store_remove_job(f->store, 4, &f->err), f->err);
    CHECK_OK(store_next_queued(f->store, &id, &f->err), f->err);
    assert_int_equal(id, 0);
    store_rollback(f->store);
}

static void lists_go_page_by_page_from_the_newest(void **state)
{
    Fixture *f = *state;
    for (int i = 1; i <= 7; i++) {
        JobInfo job = add_job(f, i % 2 ? JOB_STOPPED : JOB_FAILED, i);
        job_info_free(&job);
    }
    JobQuery query = {.limit = 3};
    JobList list;
    int64_t want = 7;
    do {
        CHECK_OK(store_jobs(f->store, &query, &list, &f->err), f->err);
        assert_int_equal(list.count, want >= 3 ? 3 : want);
        for (size_t i = 0; i < list.count; i++)
            assert_int_equal(list.items[i].id, want--);
        query.after = want + 1;
        assert_int_equal(list.has_more, want > 0);
        job_list_free(&list);
    } while (want > 0);

    query = (JobQuery){.limit = 2, .states = 1u << JOB_FAILED | 1u << JOB_RUNNING};
    CHECK_OK(store_jobs(f->store, &query, &list, &f->err), f->err);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].id, 6);
    assert_int_equal(list.items[1].id, 4);
    assert_true(list.has_more);
    job_list_free(&list);

    int64_t by_state[JOB_STATES];
    CHECK_OK(store_count(f->store, by_state, &f->err), f->err);
    assert_int_equal(by_state[JOB_STOPPED], 4);
    assert_int_equal(by_state[JOB_FAILED], 3);
    assert_int_equal(by_state[JOB_RUNNING], 0);
}

static EpochRow epoch_row(int64_t epoch)
{
    const double x = (double)epoch / 7;
    return (EpochRow){epoch, epoch * 10, x, x + 1, x + 2, x + 3, x + 4, x + 5, x + 6, x + 7};
}

static PointRow point_row(int64_t step)
{
    const double x = (double)step / 3;
    return (PointRow){step, x / 10, x, x + 1, x + 2};
}

static void add_series(Fixture *f, int64_t job_id)
{
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    for (int64_t epoch = 1; epoch <= 3; epoch++) {
        for (int64_t step = epoch * 10 - 8; step <= epoch * 10; step += 2) {
            const PointRow point = point_row(step);
            CHECK_OK(store_put_point(f->store, job_id, &point, &f->err), f->err);
            char data[32];
            snprintf(data, sizeof data, "{\"step\":%d}", (int)step);
            Event event = {.job_id = job_id, .time = step, .type = "point", .data = data};
            CHECK_OK(store_add_event(f->store, &event, &f->err), f->err);
        }
        const EpochRow row = epoch_row(epoch);
        CHECK_OK(store_put_epoch(f->store, job_id, &row, &f->err), f->err);
    }
    CHECK_OK(store_commit(f->store, &f->err), f->err);
}

static void series_come_back_bit_by_bit_and_from_a_cursor(void **state)
{
    Fixture *f = *state;
    JobInfo job = add_job(f, JOB_RUNNING, 1);
    add_series(f, job.id);
    reopen(f);
    EpochList epochs;
    CHECK_OK(store_epochs(f->store, (SeriesPage){.job_id = 1, .after = 1}, &epochs, &f->err),
             f->err);
    assert_int_equal(epochs.count, 2);
    assert_false(epochs.has_more);
    const EpochRow want = epoch_row(2);
    assert_memory_equal(&epochs.items[0], &want, sizeof want);
    epoch_list_free(&epochs);

    PointList points;
    CHECK_OK(store_points(f->store, (SeriesPage){1, 4, 3}, &points, &f->err), f->err);
    assert_int_equal(points.count, 3);
    assert_true(points.has_more);
    const PointRow point = point_row(6);
    assert_memory_equal(&points.items[0], &point, sizeof point);
    point_list_free(&points);

    EventList events;
    CHECK_OK(store_events(f->store, (SeriesPage){1, 13, 0}, &events, &f->err), f->err);
    assert_int_equal(events.count, 2);
    assert_int_equal(events.items[0].id, 14);
    assert_int_equal(events.items[0].time, 28);
    assert_string_equal(events.items[0].type, "point");
    assert_string_equal(events.items[1].data, "{\"step\":30}");
    event_list_free(&events);
    job_info_free(&job);
}

static void a_rewind_takes_back_what_lies_beyond_and_sums_up_anew(void **state)
{
    Fixture *f = *state;
    JobInfo job = add_job(f, JOB_RUNNING, 1);
    add_series(f, job.id);
    const CheckpointRow checkpoint = {.step = 10, .epoch = 1, .bytes = 5, .sha256 = "ab"};
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_put_checkpoint(f->store, job.id, &checkpoint, &f->err), f->err);
    CHECK_OK(store_rewind(f->store, &job, 14, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    assert_int_equal(job.latest.step, 14);
    CHECK_NEAR(job.latest.loss, point_row(14).loss, 0);
    assert_int_equal(job.latest.epoch, 1);
    CHECK_NEAR(job.latest.test_accuracy, epoch_row(1).test_accuracy, 0);
    assert_int_equal(job.best.epoch, 1);
    assert_int_equal(job.best.checkpoint_step, 10);

    const SeriesPage all = {.job_id = job.id};
    PointList points;
    EpochList epochs;
    EventList events;
    CHECK_OK(store_points(f->store, all, &points, &f->err), f->err);
    CHECK_OK(store_epochs(f->store, all, &epochs, &f->err), f->err);
    CHECK_OK(store_events(f->store, all, &events, &f->err), f->err);
    assert_int_equal(points.count, 7);
    assert_int_equal(points.items[6].step, 14);
    assert_int_equal(epochs.count, 1);
    assert_int_equal(events.count, 7);
    point_list_free(&points);
    epoch_list_free(&epochs);
    event_list_free(&events);

    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_rewind(f->store, &job, 0, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    assert_int_equal(job.latest.step, 0);
    assert_int_equal(job.best.epoch, 0);
    job_info_free(&job);
}

static void checkpoints_know_the_latest_and_the_best(void **state)
{
    Fixture *f = *state;
    JobInfo job = add_job(f, JOB_RUNNING, 1);
    job.best.epoch = 2;
    job.best.checkpoint_step = 20;
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_save_job(f->store, &job, &f->err), f->err);
    for (int64_t step = 10; step <= 30; step += 10) {
        const CheckpointRow row = {step, step / 10, step + 1, step + 2, "0123", 0.5, false, false};
        CHECK_OK(store_put_checkpoint(f->store, job.id, &row, &f->err), f->err);
    }
    CHECK_OK(store_remove_checkpoint(f->store, job.id, 10, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    CheckpointList list;
    CHECK_OK(store_checkpoints(f->store, job.id, &list, &f->err), f->err);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].step, 20);
    assert_int_equal(list.items[0].created_at, 21);
    assert_int_equal(list.items[0].bytes, 22);
    assert_string_equal(list.items[0].sha256, "0123");
    assert_true(list.items[0].best);
    assert_false(list.items[0].latest);
    assert_false(list.items[1].best);
    assert_true(list.items[1].latest);
    checkpoint_list_free(&list);
    job_info_free(&job);
}

static void a_key_lives_as_long_as_its_job(void **state)
{
    Fixture *f = *state;
    JobInfo job = add_job(f, JOB_STOPPED, 1);
    char *request = NULL;
    int64_t id = -1;
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_add_key(f->store, "k", "r", job.id, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    reopen(f);
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_find_key(f->store, "k", &request, &id, &f->err), f->err);
    assert_int_equal(id, job.id);
    assert_string_equal(request, "r");
    free(request);
    CHECK_OK(store_remove_job(f->store, job.id, &f->err), f->err);
    CHECK_OK(store_find_key(f->store, "k", &request, &id, &f->err), f->err);
    assert_int_equal(id, 0);
    assert_null(request);
    store_rollback(f->store);
    job_info_free(&job);
}

static void event_numbers_go_on_after_their_rows_have_gone(void **state)
{
    Fixture *f = *state;
    JobInfo job = add_job(f, JOB_STOPPED, 1);
    add_series(f, job.id);
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_remove_job(f->store, job.id, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    reopen(f);
    int64_t last = 0;
    CHECK_OK(store_last_event(f->store, &last, &f->err), f->err);
    assert_int_equal(last, 15);
    EventList events;
    CHECK_OK(store_events(f->store, (SeriesPage){0}, &events, &f->err), f->err);
    assert_int_equal(events.count, 0);
    event_list_free(&events);
    job_info_free(&job);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(a_job_comes_back_in_every_field),
        CASE(a_missing_job_is_not_found),
        CASE(what_is_rolled_back_was_never_there),
        CASE(ids_are_never_used_again),
        CASE(the_job_queued_longest_is_next),
        CASE(lists_go_page_by_page_from_the_newest),
        CASE(series_come_back_bit_by_bit_and_from_a_cursor),
        CASE(a_rewind_takes_back_what_lies_beyond_and_sums_up_anew),
        CASE(checkpoints_know_the_latest_and_the_best),
        CASE(a_key_lives_as_long_as_its_job),
        CASE(event_numbers_go_on_after_their_rows_have_gone),
    };
    return RUN_TESTS(tests);
}
