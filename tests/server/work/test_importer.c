/* tests/server/work/test_importer.c -- the thread that imports data sets. */
#include "server/work/importer.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "server/data/dataset_files.h"
#include "tests/check.h"
#include "tests/server/data/sets_fixture.h"

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

static DatasetStatus wait_while_importing(SetsFixture *f, int64_t id)
{
    while (sets_status(f, id) == DATASET_IMPORTING)
        usleep(1000);
    return sets_status(f, id);
}

static Importer *start_importer(SetsFixture *f)
{
    Importer *importer;
    const ImporterConfig config = {
        .sets = f->sets, .data = f->scratch.path, .decoders = 3, .run = run_import};
    CHECK_OK(importer_start(&config, &importer, &f->err), f->err);
    return importer;
}

static void the_thread_imports_one_after_the_other(void **state)
{
    SetsFixture *f = *state;
    const int64_t first = sets_add(f, "first", "folder", "doc"),
                  bad = sets_add(f, "bad", "folder", "doc");
    const int64_t lost = sets_add_lost(f, "lost");
    Importer *importer = start_importer(f);
    assert_int_equal(wait_while_importing(f, first), DATASET_READY);
    assert_int_equal(sets_row(f, first).train_count, 3);
    assert_int_equal(wait_while_importing(f, bad), DATASET_FAILED);
    assert_string_equal(sets_row(f, bad).error.message, "/usr/share/doc");
    assert_int_equal(wait_while_importing(f, lost), DATASET_FAILED);
    assert_string_equal(sets_row(f, lost).error.code, "source_missing");
    assert_true(importer_stop(importer, 60));
}

/* The request that creates the set fetches its upload, and so does the thread: both may be at it at
 * the same time, and neither may think that it is gone. */
static void an_upload_is_fetched_whoever_comes_first(void **state)
{
    SetsFixture *f = *state;
    Importer *importer = start_importer(f);
    for (int i = 0; i < 100; i++) {
        char upload[UPLOAD_ID];
        sets_add_upload(f, upload);
        const int64_t id = sets_add(f, "a", "upload", upload);
        if (wait_while_importing(f, id) != DATASET_READY)
            fail_msg("round %d: %s", i, sets_row(f, id).error.message);
        CHECK_OK(datasets_delete(f->sets, id, NULL, &f->err), f->err);
        assert_false(is_there(dataset_folder_path(f->scratch.path, id)));
    }
    assert_true(importer_stop(importer, 60));
}

/* An upload that a client works on is waited for. */
static void an_upload_in_use_is_waited_for(void **state)
{
    SetsFixture *f = *state;
    char upload[UPLOAD_ID];
    UploadWriter *writer;
    UploadInfo info;
    sets_add_upload(f, upload);
    CHECK_OK(upload_append(f->uploads, upload, 10, &writer, &f->err), f->err);
    const int64_t id = sets_add(f, "a", "upload", upload);
    Importer *importer = start_importer(f);
    usleep(250000);
    assert_int_equal(sets_status(f, id), DATASET_IMPORTING);
    CHECK_OK(upload_finish(writer, &info, &f->err), f->err);
    assert_int_equal(wait_while_importing(f, id), DATASET_READY);
    assert_true(importer_stop(importer, 60));
}

/* The second request was looked at while the upload was still there. */
static void an_upload_becomes_the_source_of_one_set(void **state)
{
    SetsFixture *f = *state;
    char upload[UPLOAD_ID];
    UploadWriter *writer;
    UploadInfo info;
    bool replayed;
    sets_add_upload(f, upload);
    CHECK_OK(upload_append(f->uploads, upload, 10, &writer, &f->err), f->err);
    const int64_t first = sets_add(f, "first", "upload", upload);
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
    SetsFixture *f = *state;
    DatasetRow set;
    const int64_t id = sets_add(f, "endless", "folder", "doc");
    Importer *importer = start_importer(f);
    while (sets_row(f, id).progress.done == 0)
        usleep(1000);
    CHECK_OK(datasets_cancel(f->sets, id, NULL, &set, &f->err), f->err);
    dataset_row_free(&set);
    const int64_t next = sets_add(f, "next", "folder", "doc");
    assert_int_equal(wait_while_importing(f, next), DATASET_READY);
    CHECK_OK(datasets_delete(f->sets, id, NULL, &f->err), f->err);
    const int64_t again = sets_add(f, "endless", "folder", "doc");
    while (sets_row(f, again).progress.done == 0)
        usleep(1000);
    assert_true(importer_stop(importer, 60));
    assert_int_equal(sets_status(f, again), DATASET_IMPORTING);
    assert_int_equal(sets_row(f, again).started_at, 0);
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, sets_set_up, sets_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_thread_imports_one_after_the_other),
        CASE(an_upload_is_fetched_whoever_comes_first),
        CASE(an_upload_in_use_is_waited_for),
        CASE(an_upload_becomes_the_source_of_one_set),
        CASE(the_thread_ends_a_cancelled_import_and_leaves_when_told),
    };
    return RUN_TESTS(tests);
}
