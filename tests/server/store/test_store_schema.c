/* tests/server/store/test_store_schema.c -- an older database comes up to date: step by step, each
 * once, all or nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/store_datasets.h"
#include "server/store/store_evaluations.h"
#include "server/store/store_models.h"
#include "server/store/store_sql.h"
#include "tests/check.h"
#include "tests/server/scratch.h"

/* Each step needs the one before: no other order works, and none works twice. */
static const char *const STEPS[] = {
    "CREATE TABLE log (step INTEGER); INSERT INTO log VALUES (1);",
    "ALTER TABLE log ADD COLUMN note TEXT DEFAULT 'old'; INSERT INTO log VALUES (2, 'new');",
    "ALTER TABLE log RENAME TO story; INSERT INTO story VALUES (3, 'newest');",
};
static const char *const BROKEN[] = {
    "CREATE TABLE log (step INTEGER); INSERT INTO log VALUES (1);",
    "INSERT INTO log VALUES (2); INSERT INTO nowhere VALUES (2);",
};

typedef struct {
    Scratch scratch;
    Db db;
    Error err;
} Fixture;

static void open_db(Fixture *f)
{
    const char *path = scratch_path(&f->scratch, "store.db");
    assert_int_equal(sqlite3_open(path, &f->db.sqlite), SQLITE_OK);
    f->db.path = sqlite3_db_filename(f->db.sqlite, "main");
}

static int set_up(void **state)
{
    Fixture *f = xcalloc(1, sizeof *f);
    f->scratch = scratch_new();
    open_db(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *f = *state;
    assert_int_equal(sqlite3_close(f->db.sqlite), SQLITE_OK);
    scratch_free(&f->scratch);
    free(f);
    return 0;
}

static void apply(Fixture *f, int count)
{
    CHECK_OK(schema_apply(&f->db, "store.db", (SchemaSteps){STEPS, count}, &f->err), f->err);
}

/* The store as that version of this program made it. */
static void make_version(Fixture *f, int version)
{
    const SchemaSteps steps = {schema_steps().sql, version};
    CHECK_OK(schema_apply(&f->db, "store.db", steps, &f->err), f->err);
}

static int64_t number(Fixture *f, const char *sql)
{
    int64_t n = -1;
    CHECK_OK(sql_number(&f->db, &f->err, &n, sql, ""), f->err);
    return n;
}

static void an_empty_database_takes_all_steps_in_order(void **state)
{
    Fixture *f = *state;
    apply(f, 3);
    assert_int_equal(number(f, "PRAGMA user_version"), 3);
    assert_int_equal(number(f, "SELECT count(*) FROM story"), 3);
    assert_int_equal(number(f, "SELECT count(*) FROM story WHERE step = rowid"), 3);
}

static void an_older_one_takes_the_missing_steps_and_keeps_its_rows(void **state)
{
    Fixture *f = *state;
    apply(f, 1);
    CHECK_OK(sql_run(&f->db, &f->err, "INSERT INTO log VALUES (77)", ""), f->err);
    assert_int_equal(sqlite3_close(f->db.sqlite), SQLITE_OK);
    open_db(f);
    apply(f, 3);
    assert_int_equal(number(f, "PRAGMA user_version"), 3);
    assert_int_equal(number(f, "SELECT count(*) FROM story"), 4);
    assert_int_equal(number(f, "SELECT count(*) FROM story WHERE step = 77 AND note = 'old'"), 1);
}

static void a_step_is_taken_once(void **state)
{
    Fixture *f = *state;
    for (int i = 0; i < 3; i++)
        apply(f, 2);
    assert_int_equal(number(f, "PRAGMA user_version"), 2);
    assert_int_equal(number(f, "SELECT count(*) FROM log"), 2);
}

static void a_step_that_fails_leaves_the_version_before(void **state)
{
    Fixture *f = *state;
    const SchemaSteps broken = {BROKEN, (int)COUNT(BROKEN)};
    char *want = xasprintf(
        "schema version 2: the store %s does not fit this program: no such table: nowhere",
        sqlite3_db_filename(f->db.sqlite, "main"));
    CHECK_REFUSED(schema_apply(&f->db, "store.db", broken, &f->err), f->err, ERR_DAMAGED, want);
    free(want);
    assert_int_equal(number(f, "PRAGMA user_version"), 1);
    assert_int_equal(number(f, "SELECT count(*) FROM log"), 1);
    apply(f, 3);
    assert_int_equal(number(f, "SELECT count(*) FROM story"), 3);
}

static void a_newer_one_is_left_alone(void **state)
{
    Fixture *f = *state;
    apply(f, 3);
    CHECK_REFUSED(
        schema_apply(&f->db, "store.db", (SchemaSteps){STEPS, 2}, &f->err), f->err, ERR_INVALID,
        "the store store.db has schema version 3, this program knows up to 2: it was written by a "
        "newer one");
    assert_int_equal(number(f, "SELECT count(*) FROM story"), 3);
}

/* This program's own steps: all tables are there, and opening once more changes nothing. */
static void our_own_steps_are_taken_once(void **state)
{
    Fixture *f = *state;
    make_version(f, schema_steps().count);
    static const char *const TABLES[] = {
        "jobs",  "epochs", "points", "checkpoints", "events",      "request_keys",
        "probe", "lives",  "replay", "removals",    "job_kernels",
    };
    for (size_t i = 0; i < COUNT(TABLES); i++) {
        int64_t found = 0;
        CHECK_OK(sql_number(&f->db, &f->err, &found,
                            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?",
                            "t", TABLES[i]),
                 f->err);
        assert_int_equal(found, 1);
    }
    const int64_t version = number(f, "PRAGMA user_version");
    CHECK_OK(sql_run(&f->db, &f->err,
                     "INSERT INTO events (job_id, time, type, data) VALUES (5, 6, 'note', '{}')",
                     ""),
             f->err);
    Store *store;
    CHECK_OK(store_open(scratch_path(&f->scratch, "store.db"), &store, &f->err), f->err);
    EventList events;
    CHECK_OK(store_events(store, (SeriesPage){0}, &events, &f->err), f->err);
    assert_int_equal(events.count, 1);
    assert_int_equal(events.items[0].job_id, 5);
    event_list_free(&events);
    store_close(store);
    assert_int_equal(number(f, "PRAGMA user_version"), version);
}

/* The file as the first `version` steps of this program left it, with these rows in it; then opened
 * by this program. */
static Store *open_older(Fixture *f, int version, const char *rows)
{
    Store *store;
    make_version(f, version);
    assert_int_equal(sqlite3_exec(f->db.sqlite, rows, NULL, NULL, NULL), SQLITE_OK);
    CHECK_OK(store_open(scratch_path(&f->scratch, "store.db"), &store, &f->err), f->err);
    return store;
}

/* A store as the first schema left it: the points that it holds are read, without their times. */
static void points_of_the_first_schema_have_no_time(void **state)
{
    Store *store = open_older(*state, 1, "INSERT INTO points VALUES (5, 6, 0.1, 2, 0.5, 0.1)");
    Fixture *f = *state;
    PointList points;
    CHECK_OK(store_points(store, (SeriesPage){.job_id = 5}, &points, &f->err), f->err);
    assert_int_equal(points.count, 1);
    assert_int_equal(points.items[0].step, 6);
    assert_true(isnan(points.items[0].seconds));
    point_list_free(&points);
    store_close(store);
}

/* The last schema that knew no test-time flips: what it evaluated was without them. */
static void older_evaluations_are_without_flips(void **state)
{
    Store *store = open_older(
        *state, 12,
        "INSERT INTO evaluations (status, job_id, step, model_id, version, model, automatic,"
        "  dataset_id, dataset_key, dataset_name, dataset_digest, split, example_limit, examples,"
        "  classes, mistakes, error_code, error_message, restart_count, created_at, started_at,"
        "  finished_at) VALUES ('succeeded', 5, 7, 0, 0, '', 1, 0, 'mnist', 'mnist', '', 'test', 0,"
        "  9, 3, 1, '', '', 0, 1, 2, 3)");
    Fixture *f = *state;
    EvaluationRow row;
    CHECK_OK(store_evaluation(store, 1, &row, &f->err), f->err);
    assert_int_equal(row.examples, 9);
    assert_int_equal(row.test_time_flips, 0);
    evaluation_row_free(&row);
    store_close(store);
}

/* The fifth schema deleted all of a job in one go, and knew no kernels. */
static void a_store_of_the_fifth_schema_goes_on(void **state)
{
    Fixture *f = *state;
    make_version(f, 5);
    CHECK_OK(
        sql_run(
            &f->db, &f->err,
            "INSERT INTO events (id, job_id, time, type, data) VALUES (9, 5, 6, 'deleted', '{}')",
            ""),
        f->err);
    Store *store;
    EventRange range;
    RemovalList removals;
    char *kernels = NULL;
    CHECK_OK(store_open(scratch_path(&f->scratch, "store.db"), &store, &f->err), f->err);
    CHECK_OK(store_event_range(store, &range, &f->err), f->err);
    assert_int_equal(range.oldest, 1);
    assert_int_equal(range.last, 9);
    CHECK_OK(store_removals(store, 0, &removals, &f->err), f->err);
    assert_int_equal(removals.count, 0);
    removal_list_free(&removals);
    CHECK_OK(store_kernels(store, 5, &kernels, &f->err), f->err);
    assert_null(kernels);
    bool more = true;
    CHECK_OK(store_shrink(store, &more, &f->err), f->err);
    assert_false(more);
    store_close(store);
}

/* The second schema knew a job's state and model; they are its status and network now. */
static void states_and_models_become_statuses_and_networks(void **state)
{
    Store *store = open_older(
        *state, 2,
        "INSERT INTO jobs VALUES (7, 'model', 'failed', '', 1, 2, 3, 4,"
        "  '{\"model\":\"googlenet_tiny\",\"seed\":9007199254740991,\"label_smoothing\":"
        "0.30000000000000004}', '{\"model\":\"mine\"}', 0, 0, 0, 8, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, "
        "  0, 0, 0, 0, 0, 'avx2', 2, '3.7', '1', 'io', 'state');"
        "INSERT INTO events (job_id, time, type, data) VALUES"
        "  (7, 1, 'created', '{\"state\":\"queued\"}'),"
        "  (7, 2, 'state', '{\"state\":\"failed\",\"previous\":\"running\",\"error\":null}'),"
        "  (7, 3, 'note', '{\"message\":\"state\"}');");
    static const char *const EVENTS[][2] = {
        {"created", "{\"status\":\"queued\"}"},
        {"status", "{\"status\":\"failed\",\"previous\":\"running\",\"error\":null}"},
        {"note", "{\"message\":\"state\"}"},
    };
    Fixture *f = *state;
    JobInfo job;
    EventList events;
    CHECK_OK(store_job(store, 7, &job, &f->err), f->err);
    assert_int_equal(job.status, JOB_FAILED);
    assert_string_equal(job.settings, "{\"network\":\"googlenet_tiny\",\"seed\":9007199254740991,"
                                      "\"label_smoothing\":0.30000000000000004}");
    assert_string_equal(job.metadata, "{\"model\":\"mine\"}");
    assert_string_equal(job.name, "model");
    assert_string_equal(job.environment.cpu, "");  // recorded since the seventh schema
    assert_string_equal(job.environment.cpu_isa, "avx2");
    job_info_free(&job);
    CHECK_OK(store_events(store, (SeriesPage){.job_id = 7}, &events, &f->err), f->err);
    assert_int_equal(events.count, COUNT(EVENTS));
    for (size_t i = 0; i < COUNT(EVENTS); i++) {
        assert_string_equal(events.items[i].type, EVENTS[i][0]);
        assert_string_equal(events.items[i].data, EVENTS[i][1]);
    }
    event_list_free(&events);
    store_close(store);
}

/* The eighth schema knew no data sets but those that need no row. */
static void jobs_of_the_eighth_schema_have_the_name_of_their_set(void **state)
{
    Store *store = open_older(
        *state, 8,
        "INSERT INTO jobs (id, name, status, stop_reason, created_at, queued_at, started_at,"
        "  finished_at, settings, metadata, parent_id, restart_count, idle_restarts, step,"
        "  total_steps, epoch, latest_step, latest_epoch, best_epoch, best_step, cpu_isa, threads,"
        "  onednn, version, error_code, error_message) VALUES (7, '', 'queued', '', 1, 2, 0, 0,"
        "  '{\"network\":\"nin\",\"dataset\":\"fashion_mnist\"}', '{}', 0, 0, 0, 0, 9, 0, 0, 0, 0,"
        "  0, '', 0, '', '', '', '')");
    Fixture *f = *state;
    JobInfo job;
    DatasetRow set = {.name = "a", .metadata = "{}", .classes = "[]", .warnings = "[]"};
    CHECK_OK(store_job(store, 7, &job, &f->err), f->err);
    assert_int_equal(job.dataset.id, 0);
    assert_string_equal(job.dataset.name, "fashion_mnist");
    assert_string_equal(job.dataset.digest, "");
    job_info_free(&job);
    CHECK_OK(store_begin(store, &f->err), f->err);
    CHECK_OK(store_add_dataset(store, &set, &f->err), f->err);
    assert_int_equal(set.id, 1);
    CHECK_OK(store_commit(store, &f->err), f->err);
    store_close(store);
}

/* The ninth schema knew no models; its jobs have no notice. */
static void a_store_of_the_ninth_schema_takes_models(void **state)
{
    Store *store = open_older(
        *state, 9,
        "INSERT INTO jobs (id, name, status, stop_reason, created_at, queued_at, started_at,"
        "  finished_at, settings, metadata, parent_id, restart_count, idle_restarts, step,"
        "  total_steps, epoch, latest_step, latest_epoch, best_epoch, best_step, cpu_isa, threads,"
        "  onednn, version, error_code, error_message) VALUES (7, '', 'queued', '', 1, 2, 0, 0,"
        "  '{}', '{}', 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, '', 0, '', '', '', '')");
    Fixture *f = *state;
    JobInfo job;
    ModelRow model = {.name = "a", .metadata = "{}"};
    CHECK_OK(store_job(store, 7, &job, &f->err), f->err);
    assert_string_equal(job.notice, "");
    job_info_free(&job);
    CHECK_OK(store_begin(store, &f->err), f->err);
    CHECK_OK(store_add_model(store, &model, &f->err), f->err);
    assert_int_equal(model.id, 1);
    CHECK_OK(store_commit(store, &f->err), f->err);
    store_close(store);
}

/* The fourth schema kept the path and the resolved settings with a key; of those the path stays. */
static void keys_of_resolved_settings_become_keys_of_paths(void **state)
{
    Store *store = open_older(
        *state, 4,
        "INSERT INTO jobs VALUES (7, '', 'queued', '', 1, 2, 0, 0, '{}', '{}', 0, 0, 0, 0, 9, 0, 0,"
        "  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', 0, '', '', '', '');"
        "INSERT INTO idempotency_keys VALUES ('a', '/v1/jobs {\"name\":\"x y\"}', 7),"
        "  ('b', '/v1/jobs/job_3/clone {\"seed\":1}', 7);");
    static const char *const WANT[][2] = {{"a", "POST /v1/jobs"},
                                          {"b", "POST /v1/jobs/job_3/clone"}};
    Fixture *f = *state;
    for (size_t i = 0; i < COUNT(WANT); i++) {
        int64_t id;
        char request[64];
        snprintf(request, sizeof request, "%s 00ff", WANT[i][1]);
        CHECK_OK(store_key(store, KEY_OF_JOB, (RequestKey){WANT[i][0], request}, &id, &f->err),
                 f->err);
        assert_int_equal(id, 7);
    }
    store_close(store);
}

/* The fifteenth schema's cards showed what was found on training examples. */
static void figures_of_training_examples_leave_the_cards(void **state)
{
    static const char *const CARDS[] = {"null", "{\"id\":\"eval_2\",\"split\":\"test\"}",
                                        "{\"id\":\"eval_3\",\"split\":\"train\"}"};
    Fixture *f = *state;
    make_version(f, 15);
    for (int64_t i = 0; i < 3; i++) {
        CHECK_OK(sql_run(&f->db, &f->err,
                         "INSERT INTO model_versions (model_id, version, source_kind,"
                         "  source_job_id, source_step, bytes, sha256, network, channels,"
                         "  image_size, classes, normalization, class_names, image, dataset_id,"
                         "  dataset_name, dataset_digest, metrics, settings, environment,"
                         "  evaluation, missing, created_at) VALUES (1, ?, 'upload', 0, 0, 9, '',"
                         "  'googlenet', 1, 28, 10, 'null', '[]', 'null', 0, '', '', 'null',"
                         "  'null', 'null', ?, 0, 1)",
                         "it", i + 1, CARDS[i]),
                 f->err);
    }
    Store *store = open_older(f, 15, "");
    for (int i = 0; i < 3; i++) {
        VersionRow row;
        CHECK_OK(store_version(store, 1, i + 1, &row, &f->err), f->err);
        assert_string_equal(row.evaluation, i == 1 ? CARDS[1] : "null");
        version_row_free(&row);
    }
    store_close(store);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(an_empty_database_takes_all_steps_in_order),
        CASE(an_older_one_takes_the_missing_steps_and_keeps_its_rows),
        CASE(a_step_is_taken_once),
        CASE(a_step_that_fails_leaves_the_version_before),
        CASE(a_newer_one_is_left_alone),
        CASE(our_own_steps_are_taken_once),
        CASE(points_of_the_first_schema_have_no_time),
        CASE(older_evaluations_are_without_flips),
        CASE(a_store_of_the_fifth_schema_goes_on),
        CASE(states_and_models_become_statuses_and_networks),
        CASE(jobs_of_the_eighth_schema_have_the_name_of_their_set),
        CASE(a_store_of_the_ninth_schema_takes_models),
        CASE(keys_of_resolved_settings_become_keys_of_paths),
        CASE(figures_of_training_examples_leave_the_cards),
    };
    return RUN_TESTS(tests);
}
