/* tests/server/store/test_store_damage.c -- a text of a row that is no JSON any more is the fault
 * of that row alone. */
#include <stdlib.h>
#include <string.h>

#include "server/store/store_datasets.h"
#include "server/store/store_evaluations.h"
#include "server/store/store_models.h"
#include "server/store/store_sql.h"
#include "tests/check.h"
#include "tests/server/store/store_fixture.h"

/* The call fails for damage of one row, and its message has that part. */
#define CHECK_DAMAGED(call, part)                                                                  \
    do {                                                                                           \
        assert_false(call);                                                                        \
        assert_int_equal(f->err.code, ERR_DAMAGED);                                                \
        assert_string_equal(f->err.reason, "row_damaged");                                         \
        if (!strstr(f->err.message, part))                                                         \
            assert_string_equal(f->err.message, part);                                             \
    } while (0)

static void run(StoreFixture *f, const char *sql)
{
    CHECK_OK(sql_run(&f->store->writer, &f->err, sql, ""), f->err);
}

static void begin(StoreFixture *f)
{
    CHECK_OK(store_begin(f->store, &f->err), f->err);
}

static void commit(StoreFixture *f)
{
    CHECK_OK(store_commit(f->store, &f->err), f->err);
}

static int64_t new_job(StoreFixture *f)
{
    JobInfo job = add_job(f, JOB_QUEUED, 1);
    job_info_free(&job);
    return job.id;
}

/* What is no JSON, and what is another kind of it. */
static void a_damaged_job_is_refused_by_name(void **state)
{
    static const struct {
        const char *sql, *message;
    } CASES[] = {
        {"UPDATE jobs SET settings = '{\"epochs\":3' WHERE id = 1",
         "row 1 of the table jobs is damaged in the store: "
         "settings: line 1, column 12: expected a comma or }"},
        {"UPDATE jobs SET settings = '[]' WHERE id = 1", "settings: this is no object"},
        {"UPDATE jobs SET metadata = '' WHERE id = 1",
         "metadata: line 1, column 1: expected a value"},
        {"UPDATE jobs SET metadata = '{\"a\":\"' || char(1) || '\"}' WHERE id = 1",
         "metadata: line 1, column 7: a control character"},
        {"UPDATE jobs SET metadata = cast(x'7b2261223a22ff227d' AS TEXT) WHERE id = 1",
         "bytes that are not UTF-8"},
    };
    StoreFixture *f = *state;
    JobInfo job;
    new_job(f);
    for (size_t i = 0; i < COUNT(CASES); i++) {
        run(f, "UPDATE jobs SET settings = '{}', metadata = '{}'");
        CHECK_OK(store_job(f->store, 1, &job, &f->err), f->err);
        job_info_free(&job);
        run(f, CASES[i].sql);
        CHECK_DAMAGED(store_job(f->store, 1, &job, &f->err), CASES[i].message);
    }
    CHECK_OK(store_job_exists(f->store, 1, &f->err), f->err);
    CHECK_REFUSED(store_job_exists(f->store, 2, &f->err), f->err, ERR_NOT_FOUND,
                  "there is no job job_2");
}

static size_t count_jobs(StoreFixture *f, JobMatch match, size_t *damaged)
{
    const JobQuery query = {.limit = 10, .matches = &match, .match_count = match.key != NULL};
    JobList list;
    CHECK_OK(store_jobs(f->store, &query, &list, &f->err), f->err);
    const size_t count = list.count;
    *damaged = 0;
    for (size_t i = 0; i < count; i++)
        *damaged += list.items[i].damage != NULL;
    job_list_free(&list);
    return count;
}

static void other_jobs_are_listed_filtered_and_measured(void **state)
{
    StoreFixture *f = *state;
    const JobMatch all = {0}, by_setting = {MATCH_SETTING, "network", "vgg"},
                   by_metadata = {MATCH_METADATA, "who", "me"};
    const SpeedQuery like = {.network = "vgg",
                             .precision = "f32",
                             .or_precision = "auto",
                             .cpu_isa = "avx512_core_amx",
                             .threads = 23,
                             .ranks = 1};
    size_t damaged;
    SpeedRow speed;
    new_job(f);
    new_job(f);
    run(f, "UPDATE jobs SET step = 100,"
           " settings = '{\"network\":\"vgg\",\"precision\":\"f32\",\"image_size\":32}'");
    run(f, "UPDATE jobs SET settings = 'x' || settings, metadata = '{' || metadata WHERE id = 2");
    assert_int_equal(count_jobs(f, all, &damaged), 2);
    assert_int_equal(damaged, 1);
    assert_int_equal(count_jobs(f, by_setting, &damaged), 1);
    assert_int_equal(damaged, 0);
    assert_int_equal(count_jobs(f, by_metadata, &damaged), 1);
    CHECK_OK(store_speed(f->store, &like, &speed, &f->err), f->err);
    assert_int_equal(speed.job_id, 1);
}

/* A start queues such a job again, and a client may stop and delete it. */
static void a_damaged_job_can_be_changed_and_keeps_its_text(void **state)
{
    StoreFixture *f = *state;
    JobInfo job;
    new_job(f);
    run(f, "UPDATE jobs SET settings = '{\"epochs\":' WHERE id = 1");
    run(f, "INSERT INTO events (job_id, time, type, data) VALUES (1, 1, 'point', '{\"step\":')");
    begin(f);
    CHECK_OK(store_load_job(f->store, 1, &job, &f->err), f->err);
    assert_non_null(job.damage);
    job.status = JOB_STOPPED;
    CHECK_OK(store_rewind(f->store, &job, 0, &f->err), f->err);
    CHECK_OK(store_save_job(f->store, &job, &f->err), f->err);
    job_info_free(&job);
    CHECK_OK(store_load_job(f->store, 1, &job, &f->err), f->err);
    assert_int_equal(job.status, JOB_STOPPED);
    assert_string_equal(job.settings, "{\"epochs\":");
    job_info_free(&job);
    CHECK_OK(store_remove_job(f->store, 1, &f->err), f->err);
    commit(f);
}

static void damaged_events_are_left_out(void **state)
{
    StoreFixture *f = *state;
    EventList list;
    run(f, "INSERT INTO events (job_id, time, type, data) VALUES (1, 1, 'note', '{}'),"
           " (1, 1, 'note', '{\"a\":}'), (1, 1, 'note', 'null'),"
           " (1, 1, 'note', '{\"a\":1}' || char(0)), (1, 1, 'note', '{\"a\":1}')");
    for (int64_t job = 0; job < 2; job++) {
        const SeriesPage page = {.job_id = job, .limit = 2};
        CHECK_OK(store_events(f->store, page, &list, &f->err), f->err);
        assert_int_equal(list.count, 2);
        assert_int_equal(list.items[1].id, 5);
        assert_false(list.has_more);
        event_list_free(&list);
    }
}

/* The index of deletions reads their data. */
static void a_damaged_event_of_a_set_goes_with_it(void **state)
{
    StoreFixture *f = *state;
    DatasetRow set = {.name = "one", .classes = "[]", .warnings = "[]", .metadata = "{}"};
    Event event = {.type = "dataset", .data = "{\"status\":\"ready\",\"previous\":\"importing\"}"};
    int64_t oldest, left;
    begin(f);
    CHECK_OK(store_add_dataset(f->store, &set, &f->err), f->err);
    commit(f);
    run(f, "INSERT INTO events (job_id, time, type, data) VALUES (-1, 1, 'dataset', '{\"a\":')");
    begin(f);
    CHECK_OK(store_tell_dataset(f->store, set.id, &event, &f->err), f->err);
    CHECK_OK(store_prune_events(f->store, &oldest, &f->err), f->err);
    CHECK_OK(store_remove_dataset(f->store, set.id, &f->err), f->err);
    commit(f);
    CHECK_OK(sql_number(&f->store->writer, &f->err, &left, "SELECT count(*) FROM events", ""),
             f->err);
    assert_int_equal(left, 0);
}

static void damaged_data_sets_models_and_evaluations_are_refused(void **state)
{
    StoreFixture *f = *state;
    DatasetRow set = {.name = "one", .classes = "[]", .warnings = "[]", .metadata = "{}"};
    ModelRow model = {.name = "shirts", .metadata = "{}"};
    VersionRow version = {.version = 1,
                          .class_names = "null",
                          .image = "null",
                          .metrics = "",
                          .settings = "null",
                          .environment = "{}",
                          .evaluation = "null"};
    EvaluationRow evaluation = {.metadata = "{}", .figures = "{}", .class_names = "[]"};
    const DatasetQuery sets = {.limit = 10};
    DatasetList list;
    VersionList versions;
    begin(f);
    CHECK_OK(store_add_dataset(f->store, &set, &f->err), f->err);
    CHECK_OK(store_add_model(f->store, &model, &f->err), f->err);
    version.model_id = model.id;
    CHECK_OK(store_add_version(f->store, &version, &f->err), f->err);
    CHECK_OK(store_add_evaluation(f->store, &evaluation, &f->err), f->err);
    CHECK_OK(store_put_figures(f->store, &evaluation, &f->err), f->err);
    commit(f);
    // "" and null stand for what is not known of a version.
    CHECK_OK(store_version(f->store, model.id, 1, &version, &f->err), f->err);
    version_row_free(&version);

    run(f, "UPDATE datasets SET classes = '[{]'");
    CHECK_DAMAGED(store_dataset(f->store, set.id, &set, &f->err), "row 1 of the table datasets");
    CHECK_DAMAGED(store_dataset_named(f->store, "one", &set, &f->err), "classes: line 1, column 3");
    CHECK_OK(store_datasets(f->store, &sets, &list, &f->err), f->err);
    assert_int_equal(list.count, 1);
    assert_non_null(list.items[0].damage);
    dataset_list_free(&list);

    run(f, "UPDATE models SET metadata = '[]'");
    CHECK_DAMAGED(store_model_named(f->store, "shirts", &model, &f->err),
                  "row 1 of the table models");
    run(f, "UPDATE model_versions SET metrics = '{\"epoch\":2'");
    CHECK_DAMAGED(store_version(f->store, 1, 1, &version, &f->err),
                  "row 1 of the table model_versions");
    CHECK_DAMAGED(store_resolve_version(f->store, "shirts", NULL, 1, &version, &f->err),
                  "metrics: line 1, column 11");
    CHECK_OK(store_all_versions(f->store, &versions, &f->err), f->err);
    assert_int_equal(versions.count, 1);
    version_list_free(&versions);

    run(f, "UPDATE evaluation_figures SET figures = substr(figures, 2)");
    CHECK_DAMAGED(store_evaluation(f->store, evaluation.id, &evaluation, &f->err),
                  "row 1 of the table evaluation_figures");
    begin(f);
    CHECK_OK(store_load_evaluation(f->store, 1, &evaluation, &f->err), f->err);
    evaluation_row_free(&evaluation);
    store_rollback(f->store);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(a_damaged_job_is_refused_by_name),
        CASE(other_jobs_are_listed_filtered_and_measured),
        CASE(a_damaged_job_can_be_changed_and_keeps_its_text),
        CASE(damaged_events_are_left_out),
        CASE(a_damaged_event_of_a_set_goes_with_it),
        CASE(damaged_data_sets_models_and_evaluations_are_refused),
    };
    return RUN_TESTS(tests);
}
