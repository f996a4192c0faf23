/* tests/server/store/test_store.c -- jobs and keys come back as they were, also after a reopen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/store_sql.h"
#include "tests/check.h"
#include "tests/server/store/store_fixture.h"

static void check_equal(const JobInfo *got, const JobInfo *want)
{
    assert_int_equal(got->id, want->id);
    assert_string_equal(got->name, want->name);
    assert_int_equal(got->status, want->status);
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
    assert_string_equal(got->environment.cpu, want->environment.cpu);
    assert_string_equal(got->environment.cpu_isa, want->environment.cpu_isa);
    assert_int_equal(got->environment.threads, want->environment.threads);
    assert_string_equal(got->environment.onednn, want->environment.onednn);
    assert_string_equal(got->environment.version, want->environment.version);
    assert_string_equal(got->error.code, want->error.code);
    assert_string_equal(got->error.message, want->error.message);
}

static void a_job_comes_back_in_every_field(void **state)
{
    StoreFixture *f = *state;
    JobInfo job = add_job(f, JOB_FAILED, 1002), got;
    assert_int_equal(job.id, 1);
    CHECK_OK(store_job(f->store, 1, &got, &f->err), f->err);
    check_equal(&got, &job);
    job_info_free(&got);

    job.status = JOB_SUCCEEDED;
    job.progress.step = 4690;
    job.best.test_accuracy = 1.0 / 3.0;
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_save_job(f->store, &job, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    store_reopen(f);
    CHECK_OK(store_job(f->store, 1, &got, &f->err), f->err);
    check_equal(&got, &job);
    job_info_free(&got);
    job_info_free(&job);
}

static void a_missing_job_is_not_found(void **state)
{
    StoreFixture *f = *state;
    JobInfo job;
    CHECK_REFUSED(store_job(f->store, 7, &job, &f->err), f->err, ERR_NOT_FOUND,
                  "there is no job job_7");
}

static void what_is_rolled_back_was_never_there(void **state)
{
    StoreFixture *f = *state;
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
    StoreFixture *f = *state;
    for (int64_t want = 1; want <= 3; want++) {
        JobInfo job = add_job(f, JOB_STOPPED, 1);
        assert_int_equal(job.id, want);
        CHECK_OK(store_begin(f->store, &f->err), f->err);
        CHECK_OK(store_remove_job(f->store, job.id, &f->err), f->err);
        CHECK_OK(store_commit(f->store, &f->err), f->err);
        job_info_free(&job);
        store_reopen(f);
    }
}

static void the_job_queued_longest_is_next(void **state)
{
    StoreFixture *f = *state;
    int64_t id = -1;
    static const struct {
        JobStatus status;
        int64_t queued_at;
    } JOBS[] = {{JOB_QUEUED, 300}, {JOB_QUEUED, 200}, {JOB_RUNNING, 100}, {JOB_QUEUED, 200}};
    for (size_t i = 0; i < COUNT(JOBS); i++) {
        JobInfo job = add_job(f, JOBS[i].status, JOBS[i].queued_at);
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

static int count_steps(void *steps)
{
    *(int64_t *)steps += 1000;
    return 0;
}

/* A page of a long queue: each job has its place, and finding them takes one walk, not one for each
 * job. SQLite's steps are counted, because time says little on a busy machine. */
static void places_in_a_long_queue_are_found_in_one_walk(void **state)
{
    StoreFixture *f = *state;
    enum { QUEUED = 3000, LIMIT = 200, AFTER = 2901 };
    JobInfo job;
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    for (int64_t id = 1; id <= QUEUED; id++) {
        job = full_job();
        job.status = JOB_QUEUED;
        job.queued_at = QUEUED + 1 - id;  // the newest is the next
        CHECK_OK(store_add_job(f->store, &job, &f->err), f->err);
        job_info_free(&job);
    }
    CHECK_OK(store_commit(f->store, &f->err), f->err);

    int64_t steps = 0;
    JobList list;
    const JobQuery query = {.limit = LIMIT, .after = AFTER};
    sqlite3_progress_handler(f->store->reader.sqlite, 1000, count_steps, &steps);
    CHECK_OK(store_jobs(f->store, &query, &list, &f->err), f->err);
    sqlite3_progress_handler(f->store->reader.sqlite, 0, NULL, NULL);
    assert_true(steps < 500000);
    assert_int_equal(list.count, LIMIT);
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.items[i].id, AFTER - 1 - i);
        assert_int_equal(list.items[i].queue_position, QUEUED + 1 - list.items[i].id);
    }
    CHECK_OK(store_job(f->store, list.items[7].id, &job, &f->err), f->err);
    assert_int_equal(job.queue_position, list.items[7].queue_position);
    job_info_free(&job);
    job_list_free(&list);
}

static void lists_go_page_by_page_from_the_newest(void **state)
{
    StoreFixture *f = *state;
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

    query = (JobQuery){.limit = 2, .statuses = 1u << JOB_FAILED | 1u << JOB_RUNNING};
    CHECK_OK(store_jobs(f->store, &query, &list, &f->err), f->err);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].id, 6);
    assert_int_equal(list.items[1].id, 4);
    assert_true(list.has_more);
    job_list_free(&list);

    int64_t by_status[JOB_STATUSES];
    CHECK_OK(store_count(f->store, by_status, &f->err), f->err);
    assert_int_equal(by_status[JOB_STOPPED], 4);
    assert_int_equal(by_status[JOB_FAILED], 3);
    assert_int_equal(by_status[JOB_RUNNING], 0);
}

static void requests_are_the_same_by_method_path_and_hash(void **state)
{
    (void)state;
    static const struct {
        const char *stored, *request;
        bool same;
    } CASES[] = {
        {"POST /v1/jobs 00ff", "POST /v1/jobs 00ff", true},
        {"POST /v1/jobs 00ff", "POST /v1/jobs 00fe", false},
        {"POST /v1/jobs", "POST /v1/jobs 00ff", true},  // from before bodies were hashed
        {"POST /v1/jobs", "POST /v1/jobs/job_1/clone 00ff", false},
        {"POST /v1/jobs/job_1/clone", "POST /v1/jobs 00ff", false},
    };
    for (size_t i = 0; i < COUNT(CASES); i++)
        assert_int_equal(store_same_request(CASES[i].stored, CASES[i].request), CASES[i].same);
}

static int64_t key_of(StoreFixture *f, const char *key)
{
    int64_t id = -1;
    CHECK_OK(store_find_key(f->store, KEY_OF_JOB, (RequestKey){key, "r"}, &id, &f->err), f->err);
    return id;
}

static void a_key_lives_as_long_as_its_job(void **state)
{
    StoreFixture *f = *state;
    JobInfo job = add_job(f, JOB_STOPPED, 1);
    int64_t id = -1;
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    CHECK_OK(store_add_key(f->store, KEY_OF_JOB, (RequestKey){"k", "r"}, job.id, &f->err), f->err);
    CHECK_OK(store_add_key(f->store, KEY_OF_JOB, (RequestKey){0}, job.id, &f->err), f->err);
    CHECK_OK(store_commit(f->store, &f->err), f->err);
    store_reopen(f);
    CHECK_OK(store_begin(f->store, &f->err), f->err);
    assert_int_equal(key_of(f, "k"), job.id);
    assert_int_equal(key_of(f, "other"), 0);
    assert_int_equal(key_of(f, NULL), 0);
    CHECK_REFUSED(store_find_key(f->store, KEY_OF_JOB, (RequestKey){"k", "other"}, &id, &f->err),
                  f->err, ERR_CONFLICT,
                  "the idempotency key k was used before for another request");
    assert_string_equal(f->err.reason, "key_reused");
    // Each kind has its own; what is removed of one stays of the other.
    f->err = (Error){0};
    CHECK_OK(store_find_key(f->store, KEY_OF_DATASET, (RequestKey){"k", "x"}, &id, &f->err),
             f->err);
    assert_int_equal(id, 0);
    CHECK_OK(store_remove_keys(f->store, KEY_OF_DATASET, job.id, &f->err), f->err);
    assert_int_equal(key_of(f, "k"), job.id);
    CHECK_OK(store_remove_job(f->store, job.id, &f->err), f->err);
    assert_int_equal(key_of(f, "k"), 0);
    store_rollback(f->store);
    job_info_free(&job);
}

/* The ids of a query's answer, as "5 3 1". */
static void check_query(StoreFixture *f, JobQuery query, const char *want)
{
    JobList list;
    char got[128] = "";
    query.limit = 10;
    CHECK_OK(store_jobs(f->store, &query, &list, &f->err), f->err);
    for (size_t i = 0; i < list.count; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%d", i ? " " : "",
                 (int)list.items[i].id);
    job_list_free(&list);
    assert_string_equal(got, want);
}

static void lists_are_filtered(void **state)
{
    StoreFixture *f = *state;
    static const struct {
        const char *name, *settings, *metadata;
        int64_t parent;
    } JOBS[] = {
        {"First", "{\"network\":\"vgg\",\"epochs\":3}", "{\"who\":\"me\"}", 0},
        {"second", "{\"network\":\"nin\",\"dataset\":\"mnist\"}", "{\"who\":\"you\"}", 1},
        {"100%_first", "{\"network\":\"vgg\",\"dataset\":\"mnist\"}", "{\"a.b\":\"me\"}", 1},
    };
    for (size_t i = 0; i < COUNT(JOBS); i++) {
        JobInfo job = {.parent_id = JOBS[i].parent,
                       .settings = xstrdup(JOBS[i].settings),
                       .metadata = xstrdup(JOBS[i].metadata)};
        snprintf(job.name, sizeof job.name, "%s", JOBS[i].name);
        CHECK_OK(store_begin(f->store, &f->err) && store_add_job(f->store, &job, &f->err)
                     && store_commit(f->store, &f->err),
                 f->err);
        job_info_free(&job);
    }
    check_query(f, (JobQuery){0}, "3 2 1");
    check_query(f, (JobQuery){.name = "FIRST"}, "3 1");
    check_query(f, (JobQuery){.name = "%"}, "3");
    check_query(f, (JobQuery){.name = "_"}, "3");
    check_query(f, (JobQuery){.parent_id = 1}, "3 2");
    check_query(f, (JobQuery){.parent_id = 1, .name = "second"}, "2");
    check_query(f, (JobQuery){.parent_id = 1, .after = 3}, "2");
    const JobMatch vgg = {MATCH_SETTING, "network", "vgg"};
    const JobMatch mnist = {MATCH_SETTING, "dataset", "mnist"};
    const JobMatch me = {MATCH_METADATA, "who", "me"};
    const JobMatch dotted = {MATCH_METADATA, "a.b", "me"};
    const JobMatch quoted = {MATCH_METADATA, "a' OR 1 --", "me"};
    const JobMatch number = {MATCH_SETTING, "epochs", "vgg"};
    check_query(f, (JobQuery){.matches = &vgg, .match_count = 1}, "3 1");
    check_query(f, (JobQuery){.matches = (JobMatch[]){vgg, mnist}, .match_count = 2}, "3");
    check_query(f, (JobQuery){.matches = &me, .match_count = 1}, "1");
    check_query(f, (JobQuery){.matches = &dotted, .match_count = 1}, "3");
    check_query(f, (JobQuery){.matches = &quoted, .match_count = 1}, "");
    check_query(f, (JobQuery){.matches = &number, .match_count = 1}, "");
}

static void queued_jobs_know_their_place(void **state)
{
    StoreFixture *f = *state;
    static const struct {
        JobStatus status;
        int64_t queued_at, position;
    } JOBS[] = {{JOB_QUEUED, 300, 4}, {JOB_QUEUED, 200, 2}, {JOB_RUNNING, 100, 0},
                {JOB_QUEUED, 200, 3}, {JOB_QUEUED, 100, 1}, {JOB_STOPPED, 50, 0}};
    for (size_t i = 0; i < COUNT(JOBS); i++) {
        JobInfo job = add_job(f, JOBS[i].status, JOBS[i].queued_at);
        job_info_free(&job);
    }
    for (size_t i = 0; i < COUNT(JOBS); i++) {
        JobInfo job;
        CHECK_OK(store_job(f->store, (int64_t)i + 1, &job, &f->err), f->err);
        assert_int_equal(job.queue_position, JOBS[i].position);
        CHECK_OK(store_begin(f->store, &f->err), f->err);
        job.queue_position = -1;
        CHECK_OK(store_queue_position(f->store, &job, &f->err), f->err);
        store_rollback(f->store);
        assert_int_equal(job.queue_position, JOBS[i].position);
        job_info_free(&job);
    }
}

/* Own kernels first, then the parent's, then those of the newest twin. */
static void kernels_are_taken_over(void **state)
{
    StoreFixture *f = *state;
    static const struct {
        const char *settings, *kernels;
        int64_t parent;
        const char *want;
    } JOBS[] = {
        {"{\"seed\":1}", "one", 0, "one"}, {"{\"seed\":2}", NULL, 1, "one"},
        {"{\"seed\":1}", NULL, 0, "four"}, {"{\"seed\":1}", "four", 1, "four"},
        {"{\"seed\":3}", NULL, 2, NULL},   {"{\"seed\":3}", NULL, 77, NULL},
    };
    for (size_t i = 0; i < COUNT(JOBS); i++) {
        JobInfo job = {.parent_id = JOBS[i].parent,
                       .settings = xstrdup(JOBS[i].settings),
                       .metadata = xstrdup("{}")};
        CHECK_OK(store_begin(f->store, &f->err) && store_add_job(f->store, &job, &f->err), f->err);
        if (JOBS[i].kernels)
            CHECK_OK(store_put_kernels(f->store, job.id, JOBS[i].kernels, &f->err), f->err);
        CHECK_OK(store_commit(f->store, &f->err), f->err);
        job_info_free(&job);
    }
    for (size_t i = 0; i < COUNT(JOBS); i++) {
        char *kernels;
        CHECK_OK(store_kernels(f->store, (int64_t)i + 1, &kernels, &f->err), f->err);
        if (JOBS[i].want)
            assert_string_equal(kernels, JOBS[i].want);
        else
            assert_null(kernels);
        free(kernels);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(a_job_comes_back_in_every_field),
        CASE(a_missing_job_is_not_found),
        CASE(what_is_rolled_back_was_never_there),
        CASE(ids_are_never_used_again),
        CASE(the_job_queued_longest_is_next),
        CASE(lists_go_page_by_page_from_the_newest),
        CASE(places_in_a_long_queue_are_found_in_one_walk),
        CASE(requests_are_the_same_by_method_path_and_hash),
        CASE(a_key_lives_as_long_as_its_job),
        CASE(lists_are_filtered),
        CASE(queued_jobs_know_their_place),
        CASE(kernels_are_taken_over),
    };
    return RUN_TESTS(tests);
}
