/* tests/server/models/evaluations/test_evaluations.c -- the manager of evaluations: every way from
 * status to status, what a death leaves behind, what the end of a training queues, what is found.
 */
#include "server/models/evaluations/evaluations.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/jobs/jobs_shared.h"
#include "tests/check.h"
#include "tests/server/jobs/fixture.h"

typedef struct {
    JobsFixture jobs;
    Evaluations *evaluations;
    Error err;
} Fixture;

static void open_evaluations(Fixture *f)
{
    const EvaluationsConfig config = {
        .data = f->jobs.scratch.path, .most = 5, .jobs = f->jobs.jobs};
    CHECK_OK(evaluations_open(&config, &f->evaluations, &f->err), f->err);
}

/* As a daemon that has died and is started again. */
static void reopen(Fixture *f)
{
    evaluations_close(f->evaluations);
    jobs_reopen(&f->jobs);
    open_evaluations(f);
}

static int set_up(void **state)
{
    void *jobs;
    Fixture *f = xcalloc(1, sizeof *f);
    jobs_set_up(&jobs);
    f->jobs = *(JobsFixture *)jobs;
    free(jobs);
    open_evaluations(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *f = *state;
    evaluations_close(f->evaluations);
    void *jobs = xcalloc(1, sizeof f->jobs);
    memcpy(jobs, &f->jobs, sizeof f->jobs);
    jobs_tear_down(&jobs);
    free(f);
    return 0;
}

/* ---- Moves that tests repeat ---- */

static int64_t add(Fixture *f, int64_t job_id)
{
    EvaluationRow row = {.source = {.job_id = job_id, .step = 7}, .split = "test"};
    snprintf(row.dataset.key, sizeof row.dataset.key, "mnist");
    snprintf(row.dataset.name, sizeof row.dataset.name, "mnist");
    bool replayed = true;
    CHECK_OK(evaluations_create(f->evaluations, (RequestKey){0}, &row, &replayed, &f->err), f->err);
    assert_false(replayed);
    assert_int_equal(row.status, EVALUATION_QUEUED);
    evaluation_row_free(&row);
    return row.id;
}

static EvaluationRow get(Fixture *f, int64_t id)
{
    EvaluationRow row;
    CHECK_OK(evaluations_get(f->evaluations, id, &row, &f->err), f->err);
    return row;
}

static EvaluationStatus status(Fixture *f, int64_t id)
{
    EvaluationRow row = get(f, id);
    evaluation_row_free(&row);
    return row.status;
}

static bool is_there(Fixture *f, int64_t id)
{
    EvaluationRow row;
    Error err = {0};
    const bool there = evaluations_get(f->evaluations, id, &row, &err);
    if (there)
        evaluation_row_free(&row);
    else
        assert_int_equal(err.code, ERR_NOT_FOUND);
    return there;
}

static void take(Fixture *f, int64_t id)
{
    EvaluationRow row;
    assert_true(evaluations_take(f->evaluations, &row));
    assert_int_equal(row.id, id);
    evaluation_row_free(&row);
    assert_int_equal(status(f, id), EVALUATION_RUNNING);
}

static EvaluationOutcome some_outcome(void)
{
    static const CellRow CELLS[] = {{0, 0, 5}, {0, 2, 1}, {2, 0, 3}};
    static const MistakeRow MISTAKES[] = {
        {1, 4, 0, 2, 3.5, 0.9, 0.03}, {2, 1, 2, 0, 2.5, 0.8, 0.1}, {3, 8, 2, 0, 1.25, 0.6, 0.3}};
    EvaluationOutcome outcome = {
        .succeeded = true,
        .found = {.examples = 9,
                  .classes = 3,
                  .mistakes = 4,
                  .loss = 0.5,
                  .accuracy = 5.0 / 9,
                  .top5_accuracy = 1,
                  .macro_f1 = 0.25,
                  .calibration_error = 0.125,
                  .temperature = NAN,
                  .seconds = 2,
                  .figures = xstrdup("{\"examples\":9}"),
                  .class_names = xstrdup("[\"a\",\"b\",\"c\"]")},
        .cells = {xcalloc(COUNT(CELLS), sizeof *CELLS), COUNT(CELLS)},
        .mistakes = {.items = xcalloc(COUNT(MISTAKES), sizeof *MISTAKES), .count = COUNT(MISTAKES)},
    };
    memcpy(outcome.cells.items, CELLS, sizeof CELLS);
    memcpy(outcome.mistakes.items, MISTAKES, sizeof MISTAKES);
    return outcome;
}

static void succeed(Fixture *f)
{
    EvaluationOutcome outcome = some_outcome();
    evaluations_finish(f->evaluations, &outcome);
    evaluation_outcome_free(&outcome);
}

static size_t mistakes(Fixture *f, int64_t id, int truth, int guess)
{
    MistakeList list;
    const MistakeQuery query = {.evaluation_id = id, .limit = 10, .truth = truth, .guess = guess};
    CHECK_OK(evaluations_mistakes(f->evaluations, &query, &list, &f->err), f->err);
    const size_t count = list.count;
    mistake_list_free(&list);
    return count;
}

/* ---- Tests ---- */

static void what_was_found_comes_back(void **state)
{
    Fixture *f = *state;
    const int64_t id = add(f, 1);
    CellList cells;
    take(f, id);
    assert_true(evaluations_progress(f->evaluations, 3, 9));
    EvaluationRow row = get(f, id);
    assert_int_equal(row.progress.done, 3);
    evaluation_row_free(&row);
    succeed(f);
    reopen(f);
    row = get(f, id);
    assert_int_equal(row.status, EVALUATION_SUCCEEDED);
    assert_true(row.examples == 9 && row.mistakes == 4 && row.loss == 0.5 && row.accuracy == 5.0 / 9
                && row.macro_f1 == 0.25 && isnan(row.temperature));
    assert_string_equal(row.figures, "{\"examples\":9}");
    assert_string_equal(row.class_names, "[\"a\",\"b\",\"c\"]");
    assert_true(row.progress.done == 9 && row.progress.total == 9);
    evaluation_row_free(&row);
    CHECK_OK(evaluations_cells(f->evaluations, id, &cells, &f->err), f->err);
    assert_int_equal(cells.count, 3);
    assert_true(cells.items[2].truth == 2 && cells.items[2].guess == 0
                && cells.items[2].count == 3);
    cell_list_free(&cells);
    assert_int_equal(mistakes(f, id, -1, -1), 3);
    assert_int_equal(mistakes(f, id, 2, -1), 2);
    assert_int_equal(mistakes(f, id, -1, 2), 1);
    assert_int_equal(mistakes(f, id, 0, 0), 0);
}

static void they_take_turns(void **state)
{
    Fixture *f = *state;
    const int64_t first = add(f, 1), second = add(f, 1);
    take(f, first);
    assert_int_equal(status(f, second), EVALUATION_QUEUED);
    succeed(f);
    take(f, second);
    const EvaluationOutcome outcome = {.code = "damaged", .message = "no network at all"};
    evaluations_finish(f->evaluations, &outcome);
    EvaluationRow row = get(f, second);
    assert_int_equal(row.status, EVALUATION_FAILED);
    assert_string_equal(row.error.code, "damaged");
    assert_string_equal(row.error.message, "no network at all");
    assert_null(row.figures);
    evaluation_row_free(&row);
}

static void one_that_died_begins_again_but_not_for_ever(void **state)
{
    Fixture *f = *state;
    const int64_t id = add(f, 1);
    for (int life = 1; life <= 3; life++) {
        take(f, id);
        reopen(f);
        EvaluationRow row = get(f, id);
        assert_int_equal(row.status, EVALUATION_QUEUED);
        assert_int_equal(row.restart_count, life);
        evaluation_row_free(&row);
    }
    take(f, id);
    reopen(f);
    EvaluationRow row = get(f, id);
    assert_int_equal(row.status, EVALUATION_FAILED);
    assert_string_equal(row.error.code, "restarts");
    evaluation_row_free(&row);
}

static void one_that_the_daemon_leaves_is_no_restart(void **state)
{
    Fixture *f = *state;
    const EvaluationOutcome outcome = {.succeeded = false};
    const int64_t id = add(f, 1);
    EvaluationRow row;
    bool replayed;
    take(f, id);
    evaluations_leave(f->evaluations);
    assert_false(evaluations_progress(f->evaluations, 1, 9));
    evaluations_finish(f->evaluations, &outcome);
    assert_false(evaluations_take(f->evaluations, &row));
    assert_false(evaluations_create(f->evaluations, (RequestKey){0}, &row, &replayed, &f->err));
    assert_int_equal(f->err.code, ERR_STOPPED);
    reopen(f);
    row = get(f, id);
    assert_int_equal(row.status, EVALUATION_QUEUED);
    assert_int_equal(row.restart_count, 0);
    evaluation_row_free(&row);
}

#ifndef WITHOUT_FAULTS
void fault_plan(const char *fault);
int fault_hits(void);

/* The daemon leaves, so nothing is tried twice: it is the reserve that makes room. */
static void one_that_is_left_on_a_full_disk_is_no_restart(void **state)
{
    Fixture *f = *state;
    const EvaluationOutcome outcome = {.succeeded = false};
    const int64_t id = add(f, 1);
    char full[PATH_MAX + 32];
    take(f, id);
    evaluations_leave(f->evaluations);
    snprintf(full, sizeof full, "write:%s:1:1:ENOSPC", f->jobs.scratch.path);
    fault_plan(full);
    evaluations_finish(f->evaluations, &outcome);
    assert_true(fault_hits() > 1);
    fault_plan(NULL);
    reopen(f);
    EvaluationRow row = get(f, id);
    assert_int_equal(row.status, EVALUATION_QUEUED);
    assert_int_equal(row.restart_count, 0);
    evaluation_row_free(&row);
}
#endif

static void cancelled_and_deleted_ones_end(void **state)
{
    Fixture *f = *state;
    const int64_t running = add(f, 1), queued = add(f, 1);
    EvaluationRow row;
    take(f, running);
    for (int again = 0; again < 2; again++) {
        CHECK_OK(evaluations_cancel(f->evaluations, running, NULL, &row, &f->err), f->err);
        assert_string_equal(row.error.code, "cancelled");
        evaluation_row_free(&row);
        CHECK_OK(evaluations_cancel(f->evaluations, queued, NULL, &row, &f->err), f->err);
        evaluation_row_free(&row);
    }
    assert_false(evaluations_go_on(f->evaluations));
    succeed(f);  // it had come to its end already: it stays cancelled
    assert_int_equal(status(f, running), EVALUATION_FAILED);
    assert_int_equal(mistakes(f, running, -1, -1), 0);
    const int64_t third = add(f, 1);
    take(f, third);
    CHECK_OK(evaluations_delete(f->evaluations, third, NULL, &f->err), f->err);
    assert_false(evaluations_go_on(f->evaluations));
    succeed(f);
    assert_false(is_there(f, third));
    assert_int_equal(mistakes(f, third, -1, -1), 0);
    const int64_t fourth = add(f, 1);
    take(f, fourth);
    assert_true(evaluations_go_on(f->evaluations));
    succeed(f);
    assert_false(evaluations_cancel(f->evaluations, fourth, NULL, &row, &f->err));
    assert_string_equal(f->err.reason, "evaluation_is_done");
}

static void a_key_asks_for_one_as_long_as_that_is_there(void **state)
{
    Fixture *f = *state;
    const RequestKey key = {"k", "POST /v1/evaluations 00"},
                     other = {"k", "POST /v1/evaluations 1"};
    EvaluationRow row = {.split = "test", .source = {.job_id = 1, .step = 7}}, again = row;
    bool replayed = true;
    CHECK_OK(evaluations_create(f->evaluations, key, &row, &replayed, &f->err), f->err);
    assert_false(replayed);
    const int64_t id = row.id;
    evaluation_row_free(&row);
    reopen(f);
    CHECK_OK(evaluations_create(f->evaluations, key, &again, &replayed, &f->err), f->err);
    assert_true(replayed);
    assert_int_equal(again.id, id);
    evaluation_row_free(&again);
    CHECK_OK(evaluations_replay(f->evaluations, key, &again, &replayed, &f->err), f->err);
    assert_true(replayed);
    assert_int_equal(again.id, id);
    evaluation_row_free(&again);
    assert_false(evaluations_replay(f->evaluations, other, &again, &replayed, &f->err));
    assert_string_equal(f->err.reason, "key_reused");
    f->err = (Error){0};
    CHECK_OK(evaluations_delete(f->evaluations, id, NULL, &f->err), f->err);
    CHECK_OK(evaluations_replay(f->evaluations, key, &again, &replayed, &f->err), f->err);
    assert_false(replayed);
}

static void there_is_a_limit(void **state)
{
    Fixture *f = *state;
    EvaluationRow row = {.split = "test"};
    bool replayed;
    for (int i = 0; i < 5; i++)
        add(f, 1);
    assert_false(evaluations_create(f->evaluations, (RequestKey){0}, &row, &replayed, &f->err));
    assert_string_equal(f->err.reason, "store_full");
}

/* A job of which a checkpoint is recorded, and that has ended so. */
static int64_t train(Fixture *f, bool evaluate, RunOutcome how)
{
    const int64_t id = jobs_add(&f->jobs, "{}");
    Run *run = jobs_take(&f->jobs);
    run_records_epoch(&f->jobs, run, 1, 10, 0.5);
    run_records_checkpoint(&f->jobs, run, 10, true, 2);
    if (evaluate)
        run_evaluate(run, 100);
    run_end(run, (RunEnd){how, "completed", ""});
    return id;
}

static int64_t evaluation_of(Fixture *f, int64_t job)
{
    JobInfo info;
    CHECK_OK(jobs_get(f->jobs.jobs, job, &info, &f->err), f->err);
    job_info_free(&info);
    return info.evaluation_id;
}

static void a_training_that_succeeds_queues_one(void **state)
{
    Fixture *f = *state;
    const int64_t job = train(f, true, RUN_SUCCEEDED), id = evaluation_of(f, job);
    assert_true(id > 0);
    EvaluationRow row = get(f, id);
    assert_int_equal(row.status, EVALUATION_QUEUED);
    assert_true(row.automatic && row.source.job_id == job && row.source.step == 10);
    assert_int_equal(row.example_limit, 100);
    assert_string_equal(row.dataset.key, "fashion_mnist");
    assert_string_equal(row.split, "test");
    evaluation_row_free(&row);
    reopen(f);
    take(f, id);
    succeed(f);
    CHECK_OK(evaluations_delete(f->evaluations, id, NULL, &f->err), f->err);
    assert_int_equal(evaluation_of(f, job), 0);
    assert_int_equal(evaluation_of(f, train(f, false, RUN_SUCCEEDED)), 0);
    assert_int_equal(evaluation_of(f, train(f, true, RUN_FAILED)), 0);
}

static void a_job_takes_its_own_with_it(void **state)
{
    Fixture *f = *state;
    const int64_t job = train(f, true, RUN_SUCCEEDED), id = evaluation_of(f, job);
    const int64_t other = add(f, job + 1);
    take(f, id);
    CHECK_OK(jobs_delete(f->jobs.jobs, job, NULL, NULL, &f->err), f->err);
    succeed(f);
    assert_false(is_there(f, id));
    assert_true(is_there(f, other));
    assert_int_equal(mistakes(f, id, -1, -1), 0);
}

static void events_tell_what_happens(void **state)
{
    Fixture *f = *state;
    EventList list;
    const SeriesPage all = {.limit = 100};
    const int64_t id = add(f, 1);
    take(f, id);
    CHECK_OK(evaluations_delete(f->evaluations, id, NULL, &f->err), f->err);
    CHECK_OK(jobs_events(f->jobs.jobs, all, &list, &f->err), f->err);
    // Of one that is gone only that is left.
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].type, "evaluation");
    assert_non_null(strstr(list.items[0].data, "\"deleted\""));
    assert_non_null(strstr(list.items[0].data, "\"eval_1\""));
    event_list_free(&list);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_found_comes_back),
        CASE(they_take_turns),
        CASE(one_that_died_begins_again_but_not_for_ever),
        CASE(one_that_the_daemon_leaves_is_no_restart),
#ifndef WITHOUT_FAULTS
        CASE(one_that_is_left_on_a_full_disk_is_no_restart),
#endif
        CASE(cancelled_and_deleted_ones_end),
        CASE(there_is_a_limit),
        CASE(a_key_asks_for_one_as_long_as_that_is_there),
        CASE(a_training_that_succeeds_queues_one),
        CASE(a_job_takes_its_own_with_it),
        CASE(events_tell_what_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
