/* tests/server/data/test_datasets.c -- the manager of data sets: every way from status to status,
 * and what jobs forbid. */
#include <string.h>

#include "server/base/json/json_text.h"
#include "server/data/dataset_files.h"
#include "server/jobs/jobs_shared.h"
#include "server/store/store_datasets.h"
#include "tests/check.h"
#include "tests/server/data/sets_fixture.h"

/* ---- Statuses ---- */

static void content_comes_is_imported_and_goes(void **state)
{
    SetsFixture *f = *state;
    char upload[UPLOAD_ID];
    DatasetRow set;
    const int64_t id = sets_add(f, "a", "", "");
    assert_int_equal(sets_status(f, id), DATASET_WAITING);
    sets_add_upload(f, upload);
    CHECK_OK(datasets_content(f->sets, id, upload, &set, &f->err), f->err);
    assert_string_equal(set.source.kind, "content");
    dataset_row_free(&set);
    assert_int_equal(sets_status(f, id), DATASET_IMPORTING);
    assert_true(is_there(dataset_source_path(f->scratch.path, id)));
    assert_int_equal(quota_used(f->quota), 10);

    sets_take(f, id);
    assert_true(datasets_progress(f->sets, 1, 6));
    assert_int_equal(sets_row(f, id).progress.done, 1);
    assert_int_equal(quota_used(f->quota), 10 + 6 * 8 * 8 * 3);
    sets_finish(f, id, true, "");
    const DatasetRow ready = sets_row(f, id);
    assert_int_equal(ready.status, DATASET_READY);
    assert_int_equal(ready.train_count, 5);
    assert_string_equal(ready.digest, "abc");
    assert_in_range(ready.bytes, 100, 199);
    assert_int_equal(quota_used(f->quota), ready.bytes);
    assert_false(is_there(dataset_source_path(f->scratch.path, id)));
    sets_reopen(f);
    assert_int_equal(sets_status(f, id), DATASET_READY);
    assert_int_equal(quota_used(f->quota), ready.bytes);

    CHECK_OK(datasets_delete(f->sets, id, NULL, &f->err), f->err);
    assert_false(is_there(dataset_folder_path(f->scratch.path, id)));
    assert_int_equal(quota_used(f->quota), 0);
    assert_false(datasets_get(f->sets, id, &set, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

/* Each call in each status: whether it is refused, and where it leads. */
static void every_call_in_every_status(void **state)
{
    SetsFixture *f = *state;
    DatasetRow set;
    char upload[UPLOAD_ID];
    sets_add_upload(f, upload);
    const int64_t waiting = sets_add(f, "waiting", "", "");
    const int64_t ready = sets_add_ready(f, "ready");
    const int64_t failed = sets_add(f, "failed", "folder", "doc");
    sets_take(f, failed);
    sets_finish(f, failed, false, "invalid");
    const int64_t importing = sets_add(f, "importing", "folder", "doc");
    assert_string_equal(sets_row(f, failed).error.message, "because of invalid");

    check_refused(f, datasets_content(f->sets, ready, upload, &set, &f->err),
                  "dataset_not_waiting");
    check_refused(f, datasets_content(f->sets, failed, upload, &set, &f->err),
                  "dataset_not_waiting");
    check_refused(f, datasets_content(f->sets, importing, upload, &set, &f->err),
                  "dataset_not_waiting");
    assert_false(datasets_content(f->sets, 99, upload, &set, &f->err));
    check_refused(f, datasets_cancel(f->sets, ready, NULL, &set, &f->err), "dataset_is_done");
    check_refused(f, datasets_cancel(f->sets, failed, NULL, &set, &f->err), "dataset_is_done");
    assert_false(datasets_cancel(f->sets, 99, NULL, &set, &f->err));
    for (int twice = 0; twice < 2; twice++) {
        CHECK_OK(datasets_cancel(f->sets, waiting, NULL, &set, &f->err), f->err);
        dataset_row_free(&set);
        CHECK_OK(datasets_cancel(f->sets, importing, NULL, &set, &f->err), f->err);
        dataset_row_free(&set);
    }
    assert_string_equal(sets_row(f, waiting).error.code, "cancelled");
    assert_string_equal(sets_row(f, importing).error.code, "cancelled");
    const int64_t all[] = {waiting, ready, failed, importing};
    for (int i = 0; i < 4; i++)
        CHECK_OK(datasets_delete(f->sets, all[i], NULL, &f->err), f->err);
    assert_false(datasets_delete(f->sets, ready, NULL, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

static void names_are_unique_and_ids_are_not_used_again(void **state)
{
    SetsFixture *f = *state;
    const int64_t id = sets_add(f, "a", "", "");
    DatasetRow other = {.name = "a"};
    bool replayed;
    check_refused(f, datasets_create(f->sets, (RequestKey){0}, &other, &replayed, &f->err),
                  "name_taken");
    CHECK_OK(datasets_delete(f->sets, id, NULL, &f->err), f->err);
    sets_reopen(f);
    assert_int_equal(sets_add(f, "a", "", ""), id + 1);
    for (int i = 0; i < 3; i++)
        sets_add(f, (const char *const[]){"b", "c", "d"}[i], "", "");
    DatasetRow fifth = {.name = "e"};
    check_refused(f, datasets_create(f->sets, (RequestKey){0}, &fifth, &replayed, &f->err),
                  "store_full");
}

static void a_key_makes_one_set_as_long_as_that_is_there(void **state)
{
    SetsFixture *f = *state;
    const RequestKey key = {"k", "POST /v1/datasets 00"}, other = {"k", "POST /v1/datasets 01"};
    DatasetRow set = {.name = "a"}, again = {.name = "a"};
    bool replayed = true;
    CHECK_OK(datasets_replay(f->sets, key, &again, &replayed, &f->err), f->err);
    assert_false(replayed);
    CHECK_OK(datasets_create(f->sets, key, &set, &replayed, &f->err), f->err);
    assert_false(replayed);
    const int64_t id = set.id;
    dataset_row_free(&set);
    sets_reopen(f);
    CHECK_OK(datasets_create(f->sets, key, &again, &replayed, &f->err), f->err);
    assert_true(replayed);
    assert_int_equal(again.id, id);
    dataset_row_free(&again);
    CHECK_OK(datasets_replay(f->sets, key, &again, &replayed, &f->err), f->err);
    assert_true(replayed);
    assert_int_equal(again.id, id);
    dataset_row_free(&again);
    check_refused(f, datasets_replay(f->sets, other, &again, &replayed, &f->err), "key_reused");
    check_refused(f, datasets_create(f->sets, other, &again, &replayed, &f->err), "key_reused");
    CHECK_OK(datasets_delete(f->sets, id, NULL, &f->err), f->err);
    CHECK_OK(datasets_replay(f->sets, key, &again, &replayed, &f->err), f->err);
    assert_false(replayed);
}

static void an_upload_becomes_the_source(void **state)
{
    SetsFixture *f = *state;
    char upload[UPLOAD_ID];
    UploadInfo info;
    Path source;
    sets_add_upload(f, upload);
    const int64_t id = sets_add(f, "a", "upload", upload);
    assert_true(is_there(dataset_source_path(f->scratch.path, id)));
    assert_false(uploads_get(f->uploads, upload, &info, &f->err));
    // After a death it is there already.
    sets_reopen(f);
    const DatasetRow set = sets_row(f, id);
    CHECK_OK(datasets_fetch(f->sets, &set, &source, &f->err), f->err);
    assert_int_equal(quota_used(f->quota), 10);
    const int64_t other = sets_add_lost(f, "b");
    const DatasetRow without = sets_row(f, other);
    assert_false(datasets_fetch(f->sets, &without, &source, &f->err));
}

/* ---- While it is imported ---- */

static void a_cancelled_import_leaves_nothing(void **state)
{
    SetsFixture *f = *state;
    DatasetRow set;
    const int64_t id = sets_add(f, "a", "folder", "doc");
    sets_take(f, id);
    assert_true(datasets_progress(f->sets, 1, 100));
    CHECK_OK(datasets_cancel(f->sets, id, NULL, &set, &f->err), f->err);
    dataset_row_free(&set);
    assert_false(datasets_progress(f->sets, 2, 100));
    sets_finish(f, id, true, "");  // it was done before it saw that
    assert_int_equal(sets_status(f, id), DATASET_FAILED);
    assert_string_equal(sets_row(f, id).error.code, "cancelled");
    assert_false(is_there(dataset_folder_path(f->scratch.path, id)));
    assert_int_equal(quota_used(f->quota), 0);
}

static void a_set_is_deleted_while_it_is_imported(void **state)
{
    SetsFixture *f = *state;
    const int64_t id = sets_add(f, "a", "folder", "doc");
    sets_take(f, id);
    sets_write_pixels(f, id);
    CHECK_OK(datasets_delete(f->sets, id, NULL, &f->err), f->err);
    assert_false(datasets_progress(f->sets, 2, 100));
    // The thread may still write: its files go when it has ended.
    assert_true(is_there(dataset_folder_path(f->scratch.path, id)));
    sets_finish(f, id, false, "");
    assert_false(is_there(dataset_folder_path(f->scratch.path, id)));
    assert_int_equal(quota_used(f->quota), 0);
    IdList left;
    CHECK_OK(store_dataset_removals(jobs_store(f->jobs), &left, &f->err), f->err);
    assert_int_equal(left.count, 0);
    id_list_free(&left);
}

static void pixels_that_have_no_room_fail_the_import(void **state)
{
    SetsFixture *f = *state;
    f->limit = 1000;
    sets_reopen(f);
    const int64_t id = sets_add(f, "a", "folder", "doc");
    sets_take(f, id);
    assert_true(datasets_progress(f->sets, 0, 0));
    assert_false(datasets_progress(f->sets, 0, 6));  // 1152 bytes
    assert_false(datasets_progress(f->sets, 1, 6));
    sets_finish(f, id, false, "");
    assert_string_equal(sets_row(f, id).error.code, "quota_exceeded");
    assert_int_equal(quota_used(f->quota), 0);
    const int64_t next = sets_add(f, "b", "folder", "doc");
    sets_take(f, next);
    assert_true(datasets_progress(f->sets, 0, 5));
    sets_finish(f, next, true, "");
    assert_int_equal(sets_status(f, next), DATASET_READY);
}

/* ---- Jobs ---- */

static bool read_spec(SetsFixture *f, const char *name, JobSpec *spec, Faults *faults)
{
    char text[128];
    snprintf(text, sizeof text, "{\"network\":\"googlenet_tiny\",\"dataset\":\"%s\"}", name);
    cJSON *json = json_parse_text("settings", text, strlen(text), &f->err);
    *faults = (Faults){.count = 0};
    const bool ok = spec_read(json, (SpecRules){.sets = datasets_for_specs(f->sets)}, spec, faults);
    cJSON_Delete(json);
    return ok;
}

static void jobs_hold_their_set_and_remember_it(void **state)
{
    SetsFixture *f = *state;
    JobSpec spec;
    Faults faults;
    JobInfo job;
    bool replayed;
    const int64_t id = sets_add_ready(f, "a"), waits = sets_add(f, "waits", "", "");
    assert_false(read_spec(f, "waits", &spec, &faults));
    assert_string_equal(faults.items[0].pointer, "/dataset");
    assert_string_equal(faults.items[0].code, "dataset_unavailable");
    assert_false(read_spec(f, "nobody", &spec, &faults));
    assert_true(read_spec(f, "a", &spec, &faults));
    assert_string_equal(spec.dataset, "set_1");
    assert_int_equal(spec.set.image.channels, 3);
    assert_int_equal(spec.set.classes, 2);
    const JobRequest request = {.spec = &spec};
    CHECK_OK(jobs_create(f->jobs, &request, &job, &replayed, &f->err), f->err);
    assert_string_equal(job.dataset.name, "a");
    assert_string_equal(job.dataset.digest, "abc");
    assert_int_equal(job.dataset.id, id);
    const int64_t job_id = job.id;
    job_info_free(&job);
    check_refused(f, datasets_delete(f->sets, id, NULL, &f->err), "dataset_in_use");
    CHECK_OK(datasets_delete(f->sets, waits, NULL, &f->err), f->err);

    CHECK_OK(jobs_stop(f->jobs, job_id, NULL, NULL, &f->err), f->err);
    CHECK_OK(datasets_delete(f->sets, id, NULL, &f->err), f->err);
    CHECK_OK(jobs_get(f->jobs, job_id, &job, &f->err), f->err);
    assert_string_equal(job.dataset.name, "a");
    assert_string_equal(job.dataset.digest, "abc");
    job_info_free(&job);
    check_refused(f, jobs_resume(f->jobs, job_id, NULL, NULL, &f->err), "dataset_unavailable");
    // It was there when the settings were read.
    check_refused(f, jobs_create(f->jobs, &request, &job, &replayed, &f->err),
                  "dataset_unavailable");
    spec_free(&spec);
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, sets_set_up, sets_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(content_comes_is_imported_and_goes),
        CASE(every_call_in_every_status),
        CASE(names_are_unique_and_ids_are_not_used_again),
        CASE(a_key_makes_one_set_as_long_as_that_is_there),
        CASE(an_upload_becomes_the_source),
        CASE(a_cancelled_import_leaves_nothing),
        CASE(a_set_is_deleted_while_it_is_imported),
        CASE(pixels_that_have_no_room_fail_the_import),
        CASE(jobs_hold_their_set_and_remember_it),
    };
    return RUN_TESTS(tests);
}
