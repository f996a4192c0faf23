/* tests/server/data/test_datasets.c -- the manager of data sets: every way from status to status,
 * what a death leaves behind, what jobs forbid, and the thread that imports. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/json/json_text.h"
#include "server/data/dataset_files.h"
#include "server/data/datasets.h"
#include "server/data/datasets_import.h"
#include "server/jobs/events/high_water.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/jobs_shared.h"
#include "server/store/store_datasets.h"
#include "server/work/importer.h"
#include "tests/check.h"
#include "tests/server/scratch.h"

typedef struct {
    Scratch scratch;
    int64_t limit;  // of the quota
    Jobs *jobs;
    Quota *quota;
    Uploads *uploads;
    Datasets *sets;
    Error err;
} Fixture;

static void open_all(Fixture *f)
{
    const char *data = f->scratch.path;
    const JobsConfig jobs = {.data = data, .max_jobs = 10};
    CHECK_OK(jobs_open(&jobs, &f->jobs, &f->err), f->err);
    f->quota = quota_new(f->limit);
    const UploadsConfig uploads = {
        .data = data, .upload_bytes = 1 << 20, .most = 10, .expire_ms = 1 << 30, .quota = f->quota};
    CHECK_OK(uploads_open(&uploads, &f->uploads, &f->err), f->err);
    const DatasetsConfig sets = {.data = data,
                                 .imports = "/usr/share",
                                 .max_sets = 4,
                                 .jobs = f->jobs,
                                 .uploads = f->uploads,
                                 .quota = f->quota};
    CHECK_OK(datasets_open(&sets, &f->sets, &f->err), f->err);
}

static void close_all(Fixture *f)
{
    datasets_close(f->sets);
    assert_true(uploads_close(f->uploads, 60));
    quota_free(f->quota);
    jobs_close(f->jobs);
}

/* As a daemon that has died and is started again. */
static void reopen(Fixture *f)
{
    close_all(f);
    open_all(f);
}

static int set_up(void **state)
{
    Fixture *f = xcalloc(1, sizeof *f);
    f->scratch = scratch_new();
    open_all(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *f = *state;
    close_all(f);
    scratch_free(&f->scratch);
    free(f);
    return 0;
}

/* ---- Moves that tests repeat ---- */

static int64_t add(Fixture *f, const char *name, const char *kind, const char *what)
{
    DatasetRow set = {.image = {3, 8, "crop", "bilinear"}, .test_share = 0.2};
    snprintf(set.name, sizeof set.name, "%s", name);
    snprintf(set.source.kind, sizeof set.source.kind, "%s", kind);
    snprintf(set.source.what, sizeof set.source.what, "%s", what);
    bool replayed = true;
    CHECK_OK(datasets_create(f->sets, (RequestKey){0}, &set, &replayed, &f->err), f->err);
    assert_false(replayed);
    dataset_row_free(&set);
    return set.id;
}

static DatasetRow row(Fixture *f, int64_t id)
{
    DatasetRow set;
    CHECK_OK(datasets_get(f->sets, id, &set, &f->err), f->err);
    dataset_row_free(&set);  // the texts are of no interest
    return set;
}

static DatasetStatus status(Fixture *f, int64_t id)
{
    return row(f, id).status;
}

static void take(Fixture *f, int64_t id)
{
    DatasetRow set;
    assert_true(datasets_take(f->sets, &set));
    assert_int_equal(set.id, id);
    dataset_row_free(&set);
}

static void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* What an import writes: 100 bytes of pixels. */
static void write_pixels(Fixture *f, int64_t id)
{
    Path path = dataset_pixels_path(f->scratch.path, id);
    char bytes[101];
    CHECK_OK(dataset_folder_make(f->scratch.path, id, &f->err), f->err);
    CHECK_OK(folder_make(path.text, &f->err), f->err);
    memset(bytes, 'x', 100);
    bytes[100] = '\0';
    strcat(path.text, "/train.pixels");
    put_file(path.text, bytes);
}

static void finish(Fixture *f, int64_t id, bool ready, const char *code)
{
    DatasetOutcome outcome = {.ready = ready,
                              .class_count = 2,
                              .train_count = 5,
                              .test_count = 1,
                              .classes = "[]",
                              .warnings = "[]",
                              .digest = "abc"};
    snprintf(outcome.code, sizeof outcome.code, "%s", code);
    snprintf(outcome.message, sizeof outcome.message, "because of %s", code);
    if (ready)
        write_pixels(f, id);
    datasets_finish(f->sets, &outcome);
}

static int64_t add_ready(Fixture *f, const char *name)
{
    const int64_t id = add(f, name, "folder", "doc");
    take(f, id);
    finish(f, id, true, "");
    assert_int_equal(status(f, id), DATASET_READY);
    return id;
}

/* A whole upload of ten bytes; its id. */
static void add_upload(Fixture *f, char id[UPLOAD_ID])
{
    UploadWriter *writer;
    UploadInfo info;
    CHECK_OK(upload_start(f->uploads, 10, &writer, &f->err), f->err);
    CHECK_OK(upload_write(writer, "0123456789", 10, &f->err), f->err);
    CHECK_OK(upload_finish(writer, &info, &f->err), f->err);
    memcpy(id, info.id, UPLOAD_ID);
}

static bool is_there(Path path)
{
    return access(path.text, F_OK) == 0;
}

static void check_refused(Fixture *f, bool answer, const char *reason)
{
    assert_false(answer);
    assert_int_equal(f->err.code, ERR_CONFLICT);
    assert_string_equal(f->err.reason, reason);
}

/* A set whose upload is deleted before it was fetched: another client was at work on it. */
static int64_t add_lost(Fixture *f, const char *name)
{
    char upload[UPLOAD_ID];
    UploadWriter *writer;
    UploadInfo info;
    add_upload(f, upload);
    CHECK_OK(upload_append(f->uploads, upload, 10, &writer, &f->err), f->err);
    const int64_t id = add(f, name, "upload", upload);
    CHECK_OK(upload_finish(writer, &info, &f->err), f->err);
    CHECK_OK(uploads_delete(f->uploads, upload, &f->err), f->err);
    return id;
}

/* ---- Statuses ---- */

static void content_comes_is_imported_and_goes(void **state)
{
    Fixture *f = *state;
    char upload[UPLOAD_ID];
    DatasetRow set;
    const int64_t id = add(f, "a", "", "");
    assert_int_equal(status(f, id), DATASET_WAITING);
    add_upload(f, upload);
    CHECK_OK(datasets_content(f->sets, id, upload, &set, &f->err), f->err);
    assert_string_equal(set.source.kind, "content");
    dataset_row_free(&set);
    assert_int_equal(status(f, id), DATASET_IMPORTING);
    assert_true(is_there(dataset_source_path(f->scratch.path, id)));
    assert_int_equal(quota_used(f->quota), 10);

    take(f, id);
    assert_true(datasets_progress(f->sets, 1, 6));
    assert_int_equal(row(f, id).progress.done, 1);
    assert_int_equal(quota_used(f->quota), 10 + 6 * 8 * 8 * 3);
    finish(f, id, true, "");
    const DatasetRow ready = row(f, id);
    assert_int_equal(ready.status, DATASET_READY);
    assert_int_equal(ready.train_count, 5);
    assert_string_equal(ready.digest, "abc");
    assert_in_range(ready.bytes, 100, 199);
    assert_int_equal(quota_used(f->quota), ready.bytes);
    assert_false(is_there(dataset_source_path(f->scratch.path, id)));
    reopen(f);
    assert_int_equal(status(f, id), DATASET_READY);
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
    Fixture *f = *state;
    DatasetRow set;
    char upload[UPLOAD_ID];
    add_upload(f, upload);
    const int64_t waiting = add(f, "waiting", "", "");
    const int64_t ready = add_ready(f, "ready");
    const int64_t failed = add(f, "failed", "folder", "doc");
    take(f, failed);
    finish(f, failed, false, "invalid");
    const int64_t importing = add(f, "importing", "folder", "doc");
    assert_string_equal(row(f, failed).error.message, "because of invalid");

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
    assert_string_equal(row(f, waiting).error.code, "cancelled");
    assert_string_equal(row(f, importing).error.code, "cancelled");
    const int64_t all[] = {waiting, ready, failed, importing};
    for (int i = 0; i < 4; i++)
        CHECK_OK(datasets_delete(f->sets, all[i], NULL, &f->err), f->err);
    assert_false(datasets_delete(f->sets, ready, NULL, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

static void names_are_unique_and_ids_are_not_used_again(void **state)
{
    Fixture *f = *state;
    const int64_t id = add(f, "a", "", "");
    DatasetRow other = {.name = "a"};
    bool replayed;
    check_refused(f, datasets_create(f->sets, (RequestKey){0}, &other, &replayed, &f->err),
                  "name_taken");
    CHECK_OK(datasets_delete(f->sets, id, NULL, &f->err), f->err);
    reopen(f);
    assert_int_equal(add(f, "a", "", ""), id + 1);
    for (int i = 0; i < 3; i++)
        add(f, (const char *const[]){"b", "c", "d"}[i], "", "");
    DatasetRow fifth = {.name = "e"};
    check_refused(f, datasets_create(f->sets, (RequestKey){0}, &fifth, &replayed, &f->err),
                  "store_full");
}

static void a_key_makes_one_set_as_long_as_that_is_there(void **state)
{
    Fixture *f = *state;
    const RequestKey key = {"k", "POST /v1/datasets 00"}, other = {"k", "POST /v1/datasets 01"};
    DatasetRow set = {.name = "a"}, again = {.name = "a"};
    bool replayed = true;
    CHECK_OK(datasets_replay(f->sets, key, &again, &replayed, &f->err), f->err);
    assert_false(replayed);
    CHECK_OK(datasets_create(f->sets, key, &set, &replayed, &f->err), f->err);
    assert_false(replayed);
    const int64_t id = set.id;
    dataset_row_free(&set);
    reopen(f);
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
    Fixture *f = *state;
    char upload[UPLOAD_ID];
    UploadInfo info;
    Path source;
    add_upload(f, upload);
    const int64_t id = add(f, "a", "upload", upload);
    assert_true(is_there(dataset_source_path(f->scratch.path, id)));
    assert_false(uploads_get(f->uploads, upload, &info, &f->err));
    // After a death it is there already.
    reopen(f);
    const DatasetRow set = row(f, id);
    CHECK_OK(datasets_fetch(f->sets, &set, &source, &f->err), f->err);
    assert_int_equal(quota_used(f->quota), 10);
    const int64_t other = add_lost(f, "b");
    const DatasetRow without = row(f, other);
    assert_false(datasets_fetch(f->sets, &without, &source, &f->err));
}

/* ---- While it is imported ---- */

static void a_cancelled_import_leaves_nothing(void **state)
{
    Fixture *f = *state;
    DatasetRow set;
    const int64_t id = add(f, "a", "folder", "doc");
    take(f, id);
    assert_true(datasets_progress(f->sets, 1, 100));
    CHECK_OK(datasets_cancel(f->sets, id, NULL, &set, &f->err), f->err);
    dataset_row_free(&set);
    assert_false(datasets_progress(f->sets, 2, 100));
    finish(f, id, true, "");  // it was done before it saw that
    assert_int_equal(status(f, id), DATASET_FAILED);
    assert_string_equal(row(f, id).error.code, "cancelled");
    assert_false(is_there(dataset_folder_path(f->scratch.path, id)));
    assert_int_equal(quota_used(f->quota), 0);
}

static void a_set_is_deleted_while_it_is_imported(void **state)
{
    Fixture *f = *state;
    const int64_t id = add(f, "a", "folder", "doc");
    take(f, id);
    write_pixels(f, id);
    CHECK_OK(datasets_delete(f->sets, id, NULL, &f->err), f->err);
    assert_false(datasets_progress(f->sets, 2, 100));
    // The thread may still write: its files go when it has ended.
    assert_true(is_there(dataset_folder_path(f->scratch.path, id)));
    finish(f, id, false, "");
    assert_false(is_there(dataset_folder_path(f->scratch.path, id)));
    assert_int_equal(quota_used(f->quota), 0);
    IdList left;
    CHECK_OK(store_dataset_removals(jobs_store(f->jobs), &left, &f->err), f->err);
    assert_int_equal(left.count, 0);
    id_list_free(&left);
}

static void pixels_that_have_no_room_fail_the_import(void **state)
{
    Fixture *f = *state;
    f->limit = 1000;
    reopen(f);
    const int64_t id = add(f, "a", "folder", "doc");
    take(f, id);
    assert_true(datasets_progress(f->sets, 0, 0));
    assert_false(datasets_progress(f->sets, 0, 6));  // 1152 bytes
    assert_false(datasets_progress(f->sets, 1, 6));
    finish(f, id, false, "");
    assert_string_equal(row(f, id).error.code, "quota_exceeded");
    assert_int_equal(quota_used(f->quota), 0);
    const int64_t next = add(f, "b", "folder", "doc");
    take(f, next);
    assert_true(datasets_progress(f->sets, 0, 5));
    finish(f, next, true, "");
    assert_int_equal(status(f, next), DATASET_READY);
}

/* ---- After a death ---- */

static void an_import_that_a_death_ended_begins_again(void **state)
{
    Fixture *f = *state;
    char upload[UPLOAD_ID];
    add_upload(f, upload);
    const int64_t id = add(f, "a", "upload", upload);
    for (int deaths = 1; deaths <= 3; deaths++) {
        take(f, id);
        write_pixels(f, id);  // half of it
        reopen(f);
        assert_int_equal(row(f, id).restart_count, deaths);
        assert_int_equal(status(f, id), DATASET_IMPORTING);
        assert_false(is_there(dataset_pixels_path(f->scratch.path, id)));
        assert_true(is_there(dataset_source_path(f->scratch.path, id)));
    }
    take(f, id);
    reopen(f);
    assert_string_equal(row(f, id).error.code, "restarts");
    assert_false(is_there(dataset_source_path(f->scratch.path, id)));
}

static void an_end_in_order_is_no_restart(void **state)
{
    Fixture *f = *state;
    const int64_t id = add(f, "a", "folder", "doc");
    take(f, id);
    datasets_leave(f->sets);
    assert_false(datasets_progress(f->sets, 1, 2));
    finish(f, id, false, "");
    DatasetRow set;
    assert_false(datasets_take(f->sets, &set));
    reopen(f);
    assert_int_equal(row(f, id).restart_count, 0);
    assert_int_equal(status(f, id), DATASET_IMPORTING);
}

static void folders_are_held_against_the_store(void **state)
{
    Fixture *f = *state;
    const char *data = f->scratch.path;
    const int64_t gone = add_ready(f, "gone"), waits = add(f, "waits", "", "");
    CHECK_OK(dataset_folder_make(data, 77, &f->err), f->err);
    put_file(dataset_source_path(data, 77).text, "of another store");
    put_file(data_path(data, "datasets/note").text, "not ours");
    CHECK_OK(dataset_folder_make(data, waits, &f->err), f->err);
    put_file(dataset_source_path(data, waits).text, "nobody was told of it");
    CHECK_OK(dataset_files_remove(data, gone, &f->err), f->err);
    reopen(f);
    assert_string_equal(row(f, gone).error.code, "files_missing");
    assert_false(is_there(dataset_folder_path(data, waits)));
    assert_true(is_there(data_path(data, "lost+found/set_77/source")));
    assert_true(is_there(data_path(data, "lost+found/note")));
    assert_int_equal(add(f, "next", "", ""), 78);
}

/* A disk that was not mounted, or a folder that could not be read, costs nothing. */
static void pixels_that_come_back_make_a_set_ready_again(void **state)
{
    Fixture *f = *state;
    const int64_t id = add_ready(f, "away");
    const Path all = data_path(f->scratch.path, "datasets"),
               away = path_in(f->scratch.path, "away");
    const DatasetRow before = row(f, id);
    assert_int_equal(rename(all.text, away.text), 0);
    reopen(f);
    assert_string_equal(row(f, id).error.code, "files_missing");
    reopen(f);
    assert_int_equal(rmdir(all.text), 0);
    assert_int_equal(rename(away.text, all.text), 0);
    reopen(f);
    assert_int_equal(status(f, id), DATASET_READY);
    assert_string_equal(row(f, id).error.code, "");
    assert_string_equal(row(f, id).error.message, "");
    assert_string_equal(row(f, id).digest, before.digest);
    assert_true(is_there(dataset_pixels_path(f->scratch.path, id)));
    // The same where somebody needs them meanwhile.
    const Error why = {.code = ERR_NOT_FOUND, .message = "set.index is missing"};
    assert_int_equal(rename(all.text, away.text), 0);
    datasets_damaged(f->sets, id, &why);
    assert_string_equal(row(f, id).error.code, "files_missing");
    assert_int_equal(rename(away.text, all.text), 0);
    reopen(f);
    assert_int_equal(status(f, id), DATASET_READY);
    // Whoever looks for the set finds it ready, without a start.
    DatasetRow found;
    assert_int_equal(rename(all.text, away.text), 0);
    datasets_damaged(f->sets, id, &why);
    assert_int_equal(rename(away.text, all.text), 0);
    CHECK_OK(datasets_find(f->sets, "away", &found, &f->err), f->err);
    assert_int_equal(found.status, DATASET_READY);
    assert_string_equal(found.error.code, "");
    dataset_row_free(&found);
    // Nor is gone what cannot be looked for; a link to itself is as good as a right that is
    // missing.
    const Path folder = dataset_folder_path(f->scratch.path, id);
    assert_int_equal(rename(folder.text, away.text), 0);
    assert_int_equal(symlink(folder.text, folder.text), 0);
    reopen(f);
    assert_int_equal(status(f, id), DATASET_READY);
    assert_int_equal(unlink(folder.text), 0);
    assert_int_equal(rename(away.text, folder.text), 0);
}

static bool is_away(Fixture *f, int64_t id)
{
    const SpecSets *sets = datasets_for_specs(f->sets);
    return sets->away(sets->context, id);
}

/* One of some may have been deleted; where there is none, they are on a disk that is not mounted.
 */
static void a_set_is_away_where_none_is_there(void **state)
{
    Fixture *f = *state;
    const int64_t id = add_ready(f, "one");
    const Path all = data_path(f->scratch.path, "datasets"),
               away = path_in(f->scratch.path, "away"), other = path_in(all.text, "set_99");
    assert_false(is_away(f, id));
    assert_int_equal(rename(all.text, away.text), 0);
    assert_true(is_away(f, id));
    assert_int_equal(mkdir(all.text, 0700), 0);
    assert_true(is_away(f, id));
    assert_int_equal(mkdir(other.text, 0700), 0);
    assert_false(is_away(f, id));
    assert_int_equal(rmdir(other.text), 0);
    CHECK_OK(datasets_delete(f->sets, id, NULL, &f->err), f->err);
    assert_false(is_away(f, id));
    assert_int_equal(rmdir(all.text), 0);
    assert_int_equal(rename(away.text, all.text), 0);
}

/* Where neither the store, which is from an older backup, nor any file knows of it. */
static void an_id_is_not_given_again_by_an_older_store(void **state)
{
    Fixture *f = *state;
    const char *data = f->scratch.path;
    for (int i = 0; i < 3; i++)
        CHECK_OK(datasets_delete(f->sets, add(f, "a", "", ""), NULL, &f->err), f->err);
    while (high_water_read(data).dataset < 3)
        usleep(1000);
    close_all(f);
    assert_int_equal(unlink(data_path(data, "store.db").text), 0);
    unlink(data_path(data, "store.db-wal").text);
    unlink(data_path(data, "store.db-shm").text);
    open_all(f);
    assert_int_equal(add(f, "a", "", ""), 4);
}

/* A file without data sets is from before there were any. */
static void ids_of_an_older_file_are_read(void **state)
{
    Fixture *f = *state;
    put_file(data_path(f->scratch.path, "ids").text, "job 7 event 9\n");
    const HighWater mark = high_water_read(f->scratch.path);
    assert_int_equal(mark.job, 7);
    assert_int_equal(mark.event, 9);
    assert_int_equal(mark.dataset, 0);
}

static void a_deletion_is_finished(void **state)
{
    Fixture *f = *state;
    const int64_t id = add_ready(f, "a");
    Store *store = jobs_store(f->jobs);
    CHECK_OK(store_begin(store, &f->err), f->err);
    CHECK_OK(store_remove_dataset(store, id, &f->err), f->err);
    CHECK_OK(store_commit(store, &f->err), f->err);
    assert_true(is_there(dataset_folder_path(f->scratch.path, id)));
    reopen(f);
    assert_false(is_there(dataset_folder_path(f->scratch.path, id)));
    assert_false(is_there(data_path(f->scratch.path, "lost+found")));
    assert_int_equal(quota_used(f->quota), 0);
}

/* ---- Jobs ---- */

static bool read_spec(Fixture *f, const char *name, JobSpec *spec, Faults *faults)
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
    Fixture *f = *state;
    JobSpec spec;
    Faults faults;
    JobInfo job;
    bool replayed;
    const int64_t id = add_ready(f, "a"), waits = add(f, "waits", "", "");
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

/* ---- The thread ---- */

/* Takes as long as it is let: until it is told to end, where the set is called so. */
static void run_import(const ImportOrder *order, DatasetOutcome *outcome)
{
    Path file;
    for (int i = 0; strcmp(order->set->name, "endless") == 0; i++) {
        if (!order->progress(order->context, i, 1 << 20))
            return;
        usleep(1000);
    }
    if (strcmp(order->set->name, "bad") == 0) {
        strcpy(outcome->code, "invalid");
        strcpy(outcome->message, order->source);
        return;
    }
    assert_int_equal(mkdir(order->folder, 0700), 0);
    snprintf(file.text, sizeof file.text, "%s/train.pixels", order->folder);
    put_file(file.text, "pixels");
    outcome->ready = true;
    outcome->train_count = order->decoders;
    outcome->classes = xstrdup("[]");
    outcome->warnings = xstrdup("[]");
}

static DatasetStatus wait_while_importing(Fixture *f, int64_t id)
{
    while (status(f, id) == DATASET_IMPORTING)
        usleep(1000);
    return status(f, id);
}

static Importer *start_importer(Fixture *f)
{
    Importer *importer;
    const ImporterConfig config = {
        .sets = f->sets, .data = f->scratch.path, .decoders = 3, .run = run_import};
    CHECK_OK(importer_start(&config, &importer, &f->err), f->err);
    return importer;
}

static void the_thread_imports_one_after_the_other(void **state)
{
    Fixture *f = *state;
    const int64_t first = add(f, "first", "folder", "doc"), bad = add(f, "bad", "folder", "doc");
    const int64_t lost = add_lost(f, "lost");
    Importer *importer = start_importer(f);
    assert_int_equal(wait_while_importing(f, first), DATASET_READY);
    assert_int_equal(row(f, first).train_count, 3);
    assert_int_equal(wait_while_importing(f, bad), DATASET_FAILED);
    assert_string_equal(row(f, bad).error.message, "/usr/share/doc");
    assert_int_equal(wait_while_importing(f, lost), DATASET_FAILED);
    assert_string_equal(row(f, lost).error.code, "source_missing");
    assert_true(importer_stop(importer, 60));
}

/* The request that creates the set fetches its upload, and so does the thread: both may be at it at
 * the same time, and neither may think that it is gone. */
static void an_upload_is_fetched_whoever_comes_first(void **state)
{
    Fixture *f = *state;
    Importer *importer = start_importer(f);
    for (int i = 0; i < 100; i++) {
        char upload[UPLOAD_ID];
        add_upload(f, upload);
        const int64_t id = add(f, "a", "upload", upload);
        if (wait_while_importing(f, id) != DATASET_READY)
            fail_msg("round %d: %s", i, row(f, id).error.message);
        CHECK_OK(datasets_delete(f->sets, id, NULL, &f->err), f->err);
        assert_false(is_there(dataset_folder_path(f->scratch.path, id)));
    }
    assert_true(importer_stop(importer, 60));
}

/* An upload that a client works on is waited for. */
static void an_upload_in_use_is_waited_for(void **state)
{
    Fixture *f = *state;
    char upload[UPLOAD_ID];
    UploadWriter *writer;
    UploadInfo info;
    add_upload(f, upload);
    CHECK_OK(upload_append(f->uploads, upload, 10, &writer, &f->err), f->err);
    const int64_t id = add(f, "a", "upload", upload);
    Importer *importer = start_importer(f);
    usleep(250000);
    assert_int_equal(status(f, id), DATASET_IMPORTING);
    CHECK_OK(upload_finish(writer, &info, &f->err), f->err);
    assert_int_equal(wait_while_importing(f, id), DATASET_READY);
    assert_true(importer_stop(importer, 60));
}

/* The second request was looked at while the upload was still there. */
static void an_upload_becomes_the_source_of_one_set(void **state)
{
    Fixture *f = *state;
    char upload[UPLOAD_ID];
    UploadWriter *writer;
    UploadInfo info;
    bool replayed;
    add_upload(f, upload);
    CHECK_OK(upload_append(f->uploads, upload, 10, &writer, &f->err), f->err);
    const int64_t first = add(f, "first", "upload", upload);
    DatasetRow second = {.name = "second", .source.kind = "upload"};
    snprintf(second.source.what, sizeof second.source.what, "%s", upload);
    // It is still there, but the first set waits for it.
    assert_false(datasets_create(f->sets, (RequestKey){0}, &second, &replayed, &f->err));
    assert_string_equal(f->err.reason, "upload_not_found");
    CHECK_OK(upload_finish(writer, &info, &f->err), f->err);
    Importer *importer = start_importer(f);
    assert_int_equal(wait_while_importing(f, first), DATASET_READY);
    assert_false(datasets_create(f->sets, (RequestKey){0}, &second, &replayed, &f->err));
    assert_string_equal(f->err.reason, "upload_not_found");
    assert_true(importer_stop(importer, 60));
}

static void the_thread_ends_a_cancelled_import_and_leaves_when_told(void **state)
{
    Fixture *f = *state;
    DatasetRow set;
    const int64_t id = add(f, "endless", "folder", "doc");
    Importer *importer = start_importer(f);
    while (row(f, id).progress.done == 0)
        usleep(1000);
    CHECK_OK(datasets_cancel(f->sets, id, NULL, &set, &f->err), f->err);
    dataset_row_free(&set);
    const int64_t next = add(f, "next", "folder", "doc");
    assert_int_equal(wait_while_importing(f, next), DATASET_READY);
    CHECK_OK(datasets_delete(f->sets, id, NULL, &f->err), f->err);
    const int64_t again = add(f, "endless", "folder", "doc");
    while (row(f, again).progress.done == 0)
        usleep(1000);
    assert_true(importer_stop(importer, 60));
    assert_int_equal(status(f, again), DATASET_IMPORTING);
    assert_int_equal(row(f, again).started_at, 0);
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(content_comes_is_imported_and_goes),
        CASE(every_call_in_every_status),
        CASE(names_are_unique_and_ids_are_not_used_again),
        CASE(a_key_makes_one_set_as_long_as_that_is_there),
        CASE(an_upload_becomes_the_source),
        CASE(a_cancelled_import_leaves_nothing),
        CASE(a_set_is_deleted_while_it_is_imported),
        CASE(pixels_that_have_no_room_fail_the_import),
        CASE(an_import_that_a_death_ended_begins_again),
        CASE(an_end_in_order_is_no_restart),
        CASE(folders_are_held_against_the_store),
        CASE(pixels_that_come_back_make_a_set_ready_again),
        CASE(a_set_is_away_where_none_is_there),
        CASE(a_deletion_is_finished),
        CASE(an_id_is_not_given_again_by_an_older_store),
        CASE(ids_of_an_older_file_are_read),
        CASE(jobs_hold_their_set_and_remember_it),
        CASE(the_thread_imports_one_after_the_other),
        CASE(an_upload_is_fetched_whoever_comes_first),
        CASE(an_upload_in_use_is_waited_for),
        CASE(an_upload_becomes_the_source_of_one_set),
        CASE(the_thread_ends_a_cancelled_import_and_leaves_when_told),
    };
    return RUN_TESTS(tests);
}
