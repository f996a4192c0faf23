/* tests/server/store/test_store_series.c -- epochs, points, events and checkpoints come back as
 * they went in, and can be taken back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/server/store/store_fixture.h"

static EpochRow epoch_row(int64_t epoch)
{
    const double x = (double)epoch / 7;
    return (EpochRow){epoch, epoch * 10, x, x + 1, x + 2, x + 3, x + 4, x + 5, x + 6, x + 7};
}

static PointRow point_row(int64_t step)
{
    const double x = (double)step / 3;
    return (PointRow){step, x / 10, x, x + 1, x + 2, x + 3};
}

static void add_series(StoreFixture *f, int64_t job_id)
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
    StoreFixture *f = *state;
    JobInfo job = add_job(f, JOB_RUNNING, 1);
    add_series(f, job.id);
    store_reopen(f);
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
    StoreFixture *f = *state;
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
    StoreFixture *f = *state;
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

static void event_numbers_go_on_after_their_rows_have_gone(void **state)
{
    StoreFixture *f = *state;
    JobInfo job = add_job(f, JOB_STOPPED, 1);
    add_series(f, job.id);
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_remove_job(f->store, job.id, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    EventRange before, after;
    CHECK_OK(store_event_range(f->store, &before, &f->err), f->err);
    store_reopen(f);
    CHECK_OK(store_event_range(f->store, &after, &f->err), f->err);
    assert_int_equal(after.last, 15);
    assert_int_equal(after.oldest, 1);
    assert_int_equal(strlen(after.generation), 16);
    assert_string_equal(after.generation, before.generation);
    EventList events;
    CHECK_OK(store_events(f->store, (SeriesPage){0}, &events, &f->err), f->err);
    assert_int_equal(events.count, 0);
    event_list_free(&events);
    job_info_free(&job);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(series_come_back_bit_by_bit_and_from_a_cursor),
        CASE(a_rewind_takes_back_what_lies_beyond_and_sums_up_anew),
        CASE(checkpoints_know_the_latest_and_the_best),
        CASE(event_numbers_go_on_after_their_rows_have_gone),
    };
    return RUN_TESTS(tests);
}
