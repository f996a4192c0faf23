/* tests/server/store/test_store_series.c -- epochs, points, events and checkpoints come back as
 * they went in, and can be taken back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/store_datasets.h"
#include "server/store/store_evaluations.h"
#include "server/store/store_models.h"
#include "tests/check.h"
#include "tests/server/store/store_fixture.h"

static EpochMetrics epoch_row(int64_t epoch)
{
    const double x = (double)epoch / 7;
    return (EpochMetrics){epoch, epoch * 10, x,     x + 1, x + 8, x + 9,
                          x + 2, x + 3,      x + 4, x + 5, x + 6, x + 7};
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
        const EpochMetrics row = epoch_row(epoch);
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
    const EpochMetrics want = epoch_row(2);
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

/* The last epoch alone is tested; the second is the best of those that are left. */
static void held_out_examples_choose_the_best_epoch(void **state)
{
    static const double ACCURACIES[] = {0.5, 0.75, 0.625, 0.875};
    StoreFixture *f = *state;
    JobInfo job = add_job(f, JOB_RUNNING, 1);
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    for (int64_t epoch = 1; epoch <= 4; epoch++) {
        EpochMetrics row = epoch_row(epoch);
        row.validation_accuracy = ACCURACIES[epoch - 1];
        row.test_loss = row.test_accuracy = epoch == 4 ? 0.9 : NAN;
        CHECK_OK(store_put_epoch(f->store, job.id, &row, &f->err), f->err);
    }
    CHECK_OK(store_rewind(f->store, &job, 40, &f->err), f->err);
    assert_int_equal(job.best.epoch, 4);
    assert_true(job.best.test_accuracy == 0.9 && job.latest.test_accuracy == 0.9);
    CHECK_OK(store_rewind(f->store, &job, 30, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    assert_int_equal(job.best.epoch, 2);
    assert_true(job.best.validation_accuracy == 0.75 && isnan(job.best.test_accuracy));
    assert_int_equal(job.latest.epoch, 3);
    assert_true(job.latest.validation_accuracy == 0.625 && isnan(job.latest.test_accuracy));
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
        const CheckpointRow row = {step, step / 10, step + 1, step + 2, "0123",
                                   0.25, 0.5,       false,    false};
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
    assert_true(list.items[0].validation_accuracy == 0.25 && list.items[0].test_accuracy == 0.5);
    assert_true(list.items[0].best);
    assert_false(list.items[0].latest);
    assert_false(list.items[1].best);
    assert_true(list.items[1].latest);
    checkpoint_list_free(&list);
    job_info_free(&job);
}

static void remove_job(StoreFixture *f, int64_t id)
{
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_remove_job(f->store, id, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
}

/* Purge until it is done; the number of slices. */
static int purge(StoreFixture *f, int64_t id)
{
    int slices = 0;
    for (bool done = false; !done; slices++) {
        CHECK_OK(store_begin(f->store, &f->err), f->err);
        CHECK_OK(store_purge_job(f->store, id, &done, &f->err), f->err);
        CHECK_OK(store_commit(f->store, &f->err), f->err);
    }
    return slices;
}

static void event_numbers_go_on_after_their_rows_have_gone(void **state)
{
    StoreFixture *f = *state;
    JobInfo job = add_job(f, JOB_STOPPED, 1);
    add_series(f, job.id);
    remove_job(f, job.id);
    purge(f, job.id);
    store_reopen(f);
    EventRange range;
    CHECK_OK(store_event_range(f->store, &range, &f->err), f->err);
    assert_int_equal(range.last, 15);
    assert_int_equal(range.oldest, 1);
    EventList events;
    CHECK_OK(store_events(f->store, (SeriesPage){0}, &events, &f->err), f->err);
    assert_int_equal(events.count, 0);
    event_list_free(&events);
    job_info_free(&job);
}

/* A death between the two parts of a deletion: the second is remembered and goes slice by slice. */
static void a_removed_job_is_purged_in_slices(void **state)
{
    StoreFixture *f = *state;
    JobInfo job = add_job(f, JOB_STOPPED, 1), other = add_job(f, JOB_STOPPED, 2);
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    for (int64_t step = 1; step <= 5000; step++) {
        const PointRow row = {.step = step};
        CHECK_OK(store_put_point(f->store, job.id, &row, &f->err), f->err);
    }
    const PointRow row = {.step = 1};
    CHECK_OK(store_put_point(f->store, other.id, &row, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    remove_job(f, job.id);
    JobInfo gone;
    CHECK_REFUSED(store_job(f->store, job.id, &gone, &f->err), f->err, ERR_NOT_FOUND,
                  "there is no job job_1");
    store_reopen(f);
    RemovalList list;
    CHECK_OK(store_removals(f->store, 0, &list, &f->err), f->err);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].job_id, job.id);
    assert_true(list.items[0].whole_job);
    removal_list_free(&list);
    assert_in_range(purge(f, job.id), 3, 10);
    CHECK_OK(store_removals(f->store, 0, &list, &f->err), f->err);
    assert_int_equal(list.count, 0);
    PointList points;
    CHECK_OK(store_points(f->store, (SeriesPage){.job_id = job.id}, &points, &f->err), f->err);
    assert_int_equal(points.count, 0);
    point_list_free(&points);
    CHECK_OK(store_points(f->store, (SeriesPage){.job_id = other.id}, &points, &f->err), f->err);
    assert_int_equal(points.count, 1);
    point_list_free(&points);
    job_info_free(&job);
    job_info_free(&other);
}

typedef bool Tell(Store *store, int64_t id, Event *event, Error *err);

static bool tell_job(Store *store, int64_t id, Event *event, Error *err)
{
    event->job_id = id;
    return store_add_event(store, event, err);
}

/* Of events that tell of a deletion the newest thousand stay; whoever is further behind has missed
 * some. What is told of those that are still there stays in any case. */
static void deletions_are_told_for_a_while(void **state)
{
    static const struct {
        Tell *tell;
        const char *type;
        char *data;
    } KINDS[] = {
        {tell_job, "deleted", "{}"},
        {store_tell_dataset, "dataset",
         "{\"name\":\"x\",\"status\":\"deleted\",\"previous\":null}"},
        {store_tell_model, "model", "{\"name\":\"x\",\"action\":\"deleted\"}"},
        {store_tell_evaluation, "evaluation", "{\"status\":\"deleted\",\"previous\":\"failed\"}"},
    };
    StoreFixture *f = *state;
    int64_t oldest = -1;
    Event there = {.type = "model",
                   .data = "{\"name\":\"deleted\",\"action\":\"version_deleted\"}"};
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    for (int64_t i = 1; i <= 1001; i++) {
        Event event = {.type = "", .data = KINDS[i % 4].data};
        snprintf(event.type, sizeof event.type, "%s", KINDS[i % 4].type);
        CHECK_OK(store_prune_events(f->store, &oldest, &f->err), f->err);
        assert_int_equal(oldest, 0);
        CHECK_OK(KINDS[i % 4].tell(f->store, i, &event, &f->err), f->err);
    }
    CHECK_OK(store_tell_model(f->store, 7, &there, &f->err), f->err);
    CHECK_OK(store_prune_events(f->store, &oldest, &f->err), f->err);
    assert_int_equal(oldest, 2);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    store_reopen(f);
    EventRange range;
    CHECK_OK(store_event_range(f->store, &range, &f->err), f->err);
    assert_int_equal(range.oldest, 2);
    assert_int_equal(range.last, 1002);
    EventList events;
    CHECK_OK(store_events(f->store, (SeriesPage){0}, &events, &f->err), f->err);
    assert_int_equal(events.count, 1001);
    assert_int_equal(events.items[0].id, 2);
    event_list_free(&events);
}

static void begin_life(StoreFixture *f, int64_t last_job, int64_t last_event)
{
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_begin_life(f->store, &f->err), f->err);
    CHECK_OK(store_raise_ids(f->store, last_job, last_event, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
}

static void ids_are_raised_and_never_lowered(void **state)
{
    StoreFixture *f = *state;
    begin_life(f, 0, 0);
    JobInfo job = add_job(f, JOB_STOPPED, 1);
    assert_int_equal(job.id, 1);
    job_info_free(&job);
    add_series(f, 1);
    begin_life(f, 41, 99);
    begin_life(f, 7, 8);
    job = add_job(f, JOB_STOPPED, 1);
    assert_int_equal(job.id, 42);
    job_info_free(&job);
    EventRange range;
    CHECK_OK(store_event_range(f->store, &range, &f->err), f->err);
    assert_int_equal(range.last, 99);
    LifeList lives;
    CHECK_OK(store_lives(f->store, &lives, &f->err), f->err);
    static const int64_t AFTER[] = {99, 15, 0};
    assert_int_equal(lives.count, COUNT(AFTER));
    for (size_t i = 0; i < lives.count; i++) {
        assert_int_equal(lives.items[i].after_event, AFTER[i]);
        assert_int_equal(strspn(lives.items[i].id, "0123456789abcdef"), 16);
        assert_true(i == 0 || strcmp(lives.items[i].id, lives.items[i - 1].id) != 0);
    }
    life_list_free(&lives);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(series_come_back_bit_by_bit_and_from_a_cursor),
        CASE(a_rewind_takes_back_what_lies_beyond_and_sums_up_anew),
        CASE(held_out_examples_choose_the_best_epoch),
        CASE(checkpoints_know_the_latest_and_the_best),
        CASE(event_numbers_go_on_after_their_rows_have_gone),
        CASE(a_removed_job_is_purged_in_slices),
        CASE(deletions_are_told_for_a_while),
        CASE(ids_are_raised_and_never_lowered),
    };
    return RUN_TESTS(tests);
}
