/* tests/server/data/test_datasets_recover.c -- what a start of the daemon finds: imports that a
 * death ended, deletions that are half done, folders nobody knows, a disk that is away or back, a
 * store from a backup. */
#include <sys/stat.h>
#include <unistd.h>

#include "server/data/dataset_files.h"
#include "server/jobs/events/high_water.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/jobs_shared.h"
#include "server/store/store_datasets.h"
#include "tests/check.h"
#include "tests/server/data/sets_fixture.h"

static void an_import_that_a_death_ended_begins_again(void **state)
{
    SetsFixture *f = *state;
    char upload[UPLOAD_ID];
    sets_add_upload(f, upload);
    const int64_t id = sets_add(f, "a", "upload", upload);
    for (int deaths = 1; deaths <= 3; deaths++) {
        sets_take(f, id);
        sets_write_pixels(f, id);  // half of it
        sets_reopen(f);
        assert_int_equal(sets_row(f, id).restart_count, deaths);
        assert_int_equal(sets_status(f, id), DATASET_IMPORTING);
        assert_false(is_there(dataset_pixels_path(f->scratch.path, id)));
        assert_true(is_there(dataset_source_path(f->scratch.path, id)));
    }
    sets_take(f, id);
    sets_reopen(f);
    assert_string_equal(sets_row(f, id).error.code, "restarts");
    assert_false(is_there(dataset_source_path(f->scratch.path, id)));
}

static void an_end_in_order_is_no_restart(void **state)
{
    SetsFixture *f = *state;
    const int64_t id = sets_add(f, "a", "folder", "doc");
    sets_take(f, id);
    datasets_leave(f->sets);
    assert_false(datasets_progress(f->sets, 1, 2));
    sets_finish(f, id, false, "");
    DatasetRow set;
    assert_false(datasets_take(f->sets, &set));
    sets_reopen(f);
    assert_int_equal(sets_row(f, id).restart_count, 0);
    assert_int_equal(sets_status(f, id), DATASET_IMPORTING);
}

static void folders_are_held_against_the_store(void **state)
{
    SetsFixture *f = *state;
    const char *data = f->scratch.path;
    const int64_t gone = sets_add_ready(f, "gone"), waits = sets_add(f, "waits", "", "");
    CHECK_OK(dataset_folder_make(data, 77, &f->err), f->err);
    put_file(dataset_source_path(data, 77).text, "of another store");
    put_file(data_path(data, "datasets/note").text, "not ours");
    CHECK_OK(dataset_folder_make(data, waits, &f->err), f->err);
    put_file(dataset_source_path(data, waits).text, "nobody was told of it");
    CHECK_OK(dataset_files_remove(data, gone, &f->err), f->err);
    sets_reopen(f);
    assert_string_equal(sets_row(f, gone).error.code, "files_missing");
    assert_false(is_there(dataset_folder_path(data, waits)));
    assert_true(is_there(data_path(data, "lost+found/set_77/source")));
    assert_true(is_there(data_path(data, "lost+found/note")));
    assert_int_equal(sets_add(f, "next", "", ""), 78);
}

/* A disk that was not mounted, or a folder that could not be read, costs nothing. */
static void pixels_that_come_back_make_a_set_ready_again(void **state)
{
    SetsFixture *f = *state;
    const int64_t id = sets_add_ready(f, "away");
    const Path all = data_path(f->scratch.path, "datasets"),
               away = path_in(f->scratch.path, "away");
    const DatasetRow before = sets_row(f, id);
    assert_int_equal(rename(all.text, away.text), 0);
    sets_reopen(f);
    assert_string_equal(sets_row(f, id).error.code, "files_missing");
    sets_reopen(f);
    assert_int_equal(rmdir(all.text), 0);
    assert_int_equal(rename(away.text, all.text), 0);
    sets_reopen(f);
    assert_int_equal(sets_status(f, id), DATASET_READY);
    assert_string_equal(sets_row(f, id).error.code, "");
    assert_string_equal(sets_row(f, id).error.message, "");
    assert_string_equal(sets_row(f, id).digest, before.digest);
    assert_true(is_there(dataset_pixels_path(f->scratch.path, id)));
    // The same where somebody needs them meanwhile.
    const Error why = {.code = ERR_NOT_FOUND, .message = "set.index is missing"};
    assert_int_equal(rename(all.text, away.text), 0);
    datasets_damaged(f->sets, id, &why);
    assert_string_equal(sets_row(f, id).error.code, "files_missing");
    assert_int_equal(rename(away.text, all.text), 0);
    sets_reopen(f);
    assert_int_equal(sets_status(f, id), DATASET_READY);
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
    sets_reopen(f);
    assert_int_equal(sets_status(f, id), DATASET_READY);
    assert_int_equal(unlink(folder.text), 0);
    assert_int_equal(rename(away.text, folder.text), 0);
}

static bool is_away(SetsFixture *f, int64_t id)
{
    const SpecSets *sets = datasets_for_specs(f->sets);
    return sets->away(sets->context, id);
}

/* One of some may have been deleted; where there is none, they are on a disk that is not mounted.
 */
static void a_set_is_away_where_none_is_there(void **state)
{
    SetsFixture *f = *state;
    const int64_t id = sets_add_ready(f, "one");
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
    SetsFixture *f = *state;
    const char *data = f->scratch.path;
    for (int i = 0; i < 3; i++)
        CHECK_OK(datasets_delete(f->sets, sets_add(f, "a", "", ""), NULL, &f->err), f->err);
    while (high_water_read(data).dataset < 3)
        usleep(1000);
    sets_close(f);
    assert_int_equal(unlink(data_path(data, "store.db").text), 0);
    unlink(data_path(data, "store.db-wal").text);
    unlink(data_path(data, "store.db-shm").text);
    sets_open(f);
    assert_int_equal(sets_add(f, "a", "", ""), 4);
}

/* A file without data sets is from before there were any. */
static void ids_of_an_older_file_are_read(void **state)
{
    SetsFixture *f = *state;
    put_file(data_path(f->scratch.path, "ids").text, "job 7 event 9\n");
    const HighWater mark = high_water_read(f->scratch.path);
    assert_int_equal(mark.job, 7);
    assert_int_equal(mark.event, 9);
    assert_int_equal(mark.dataset, 0);
}

static void a_deletion_is_finished(void **state)
{
    SetsFixture *f = *state;
    const int64_t id = sets_add_ready(f, "a");
    Store *store = jobs_store(f->jobs);
    CHECK_OK(store_begin(store, &f->err), f->err);
    CHECK_OK(store_remove_dataset(store, id, &f->err), f->err);
    CHECK_OK(store_commit(store, &f->err), f->err);
    assert_true(is_there(dataset_folder_path(f->scratch.path, id)));
    sets_reopen(f);
    assert_false(is_there(dataset_folder_path(f->scratch.path, id)));
    assert_false(is_there(data_path(f->scratch.path, "lost+found")));
    assert_int_equal(quota_used(f->quota), 0);
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, sets_set_up, sets_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_import_that_a_death_ended_begins_again),
        CASE(an_end_in_order_is_no_restart),
        CASE(folders_are_held_against_the_store),
        CASE(pixels_that_come_back_make_a_set_ready_again),
        CASE(a_set_is_away_where_none_is_there),
        CASE(an_id_is_not_given_again_by_an_older_store),
        CASE(ids_of_an_older_file_are_read),
        CASE(a_deletion_is_finished),
    };
    return RUN_TESTS(tests);
}
