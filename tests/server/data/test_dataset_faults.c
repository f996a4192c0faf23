/* tests/server/data/test_dataset_faults.c -- the life of a data set with the n-th write, fsync,
 * rename or unlink failing, for n = 1, 2, 3 ... until it is through without meeting the fault. What
 * is refused can be asked for again and works, and in the end nothing of the set is left. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/data/dataset_files.h"
#include "server/jobs/files/job_files.h"
#include "tests/check.h"
#include "tests/server/data/sets_fixture.h"

enum { MOST = 400, TRIES = 200, EACH = 12 };

void fault_plan(const char *fault);  // tests/faults/preload.c
int fault_hits(void);

/* ---- Steps: each is asked for until it works ---- */

static void check_may_be_asked_again(const SetsFixture *f, const char *step)
{
    const ErrorCode code = f->err.code;
    if (code != ERR_IO && code != ERR_NO_SPACE && code != ERR_NO_MEMORY)
        fail_msg("%s: code %d, %s", step, code, f->err.message);
    usleep(10000);
}

static int64_t create(SetsFixture *f)
{
    for (int i = 0; i < TRIES; i++) {
        bool replayed;
        DatasetRow set = {.name = "a", .image = {3, 8, "crop", "bilinear"}, .test_share = 0.2};
        f->err = (Error){0};
        if (datasets_create(f->sets, (RequestKey){"key", "POST"}, &set, &replayed, &f->err)) {
            dataset_row_free(&set);
            return set.id;
        }
        check_may_be_asked_again(f, "create");
    }
    fail_msg("create never works: %s", f->err.message);
    return 0;
}

static bool add_upload(SetsFixture *f, char id[UPLOAD_ID])
{
    UploadWriter *writer;
    UploadInfo info;
    f->err = (Error){0};
    if (!upload_start(f->uploads, 10, &writer, &f->err))
        return false;
    if (!upload_write(writer, "0123456789", 10, &f->err)) {
        upload_leave(writer);
        return false;
    }
    const bool ok = upload_finish(writer, &info, &f->err);
    memcpy(id, info.id, UPLOAD_ID);
    return ok;
}

/* An upload whose set could not be changed is gone with what was taken: it is sent again. */
static void bring_content(SetsFixture *f, int64_t id)
{
    char upload[UPLOAD_ID];
    UploadInfo info;
    DatasetRow set;
    bool sent = false;
    for (int i = 0; i < TRIES; i++) {
        f->err = (Error){0};
        sent = sent ? uploads_get(f->uploads, upload, &info, NULL) : sent;
        sent = sent || add_upload(f, upload);
        if (sent && datasets_content(f->sets, id, upload, &set, &f->err)) {
            assert_int_equal(set.status, DATASET_IMPORTING);
            dataset_row_free(&set);
            return;
        }
        check_may_be_asked_again(f, "content");
    }
    fail_msg("content never works: %s", f->err.message);
}

static void import_it(SetsFixture *f, int64_t id)
{
    DatasetRow set;
    Path path = dataset_pixels_path(f->scratch.path, id);
    DatasetOutcome outcome = {.ready = true, .classes = "[]", .warnings = "[]", .digest = "abc"};
    assert_true(datasets_take(f->sets, &set));
    assert_int_equal(set.id, id);
    CHECK_OK(datasets_fetch(f->sets, &set, &(Path){{0}}, &f->err), f->err);
    dataset_row_free(&set);
    assert_int_equal(mkdir(path.text, 0700), 0);
    datasets_finish(f->sets, &outcome);
    CHECK_OK(datasets_get(f->sets, id, &set, &f->err), f->err);
    assert_int_equal(set.status, DATASET_READY);
    dataset_row_free(&set);
}

static void remove_set(SetsFixture *f, int64_t id)
{
    for (int i = 0; i < TRIES; i++) {
        f->err = (Error){0};
        if (datasets_delete(f->sets, id, NULL, &f->err))
            return;
        check_may_be_asked_again(f, "delete");
    }
    fail_msg("delete never works: %s", f->err.message);
}

/* ---- The loop ---- */

/* False once the fault was not met any more. */
static bool fail_nth(const char *call, const char *error, int n)
{
    SetsFixture f = {.scratch = scratch_new(), .retry_ms = 1};
    char plan[PATH_MAX + 64];
    sets_open(&f);
    snprintf(plan, sizeof plan, "%s:%s:%d:1:%s", call, f.scratch.path, n, error);
    fault_plan(plan);
    const int64_t id = create(&f);
    bring_content(&f, id);
    import_it(&f, id);
    remove_set(&f, id);
    const bool met = fault_hits() >= n;
    fault_plan(NULL);
    // What could not be removed goes at the next start.
    sets_close(&f);
    sets_open(&f);
    assert_false(is_there(dataset_folder_path(f.scratch.path, id)));
    assert_int_equal(access(data_path(f.scratch.path, "lost+found").text, F_OK), -1);
    UploadInfo *uploads;
    size_t count;
    uploads_list(f.uploads, &uploads, &count);
    int64_t left = 0;  // an upload that was whole before its sender was told
    for (size_t i = 0; i < count; i++)
        left += uploads[i].length;
    free(uploads);
    assert_int_equal(quota_used(f.quota), left);
    sets_close(&f);
    scratch_free(&f.scratch);
    return met;
}

static void fail_all(const char *call, const char *error)
{
    int n = 1;
    while (fail_nth(call, error, n)) {
        n += n < EACH ? 1 : 1 + n / 3;
        if (n > MOST)
            fail_msg("%s fails for ever", call);
    }
    assert_true(n > 1);
}

static void writes_fail(void **state)
{
    (void)state;
    fail_all("write", "EIO");
}

static void the_disk_is_full(void **state)
{
    (void)state;
    fail_all("write", "ENOSPC");
}

static void syncs_fail(void **state)
{
    (void)state;
    fail_all("fsync", "EIO");
}

static void names_cannot_be_changed(void **state)
{
    (void)state;
    fail_all("rename", "EIO");
    fail_all("unlink", "EIO");
}

/* Of what was asked for before nothing is written: it tells nothing of the disk. */
static void a_replay_does_not_mend_the_disk(void **state)
{
    (void)state;
    SetsFixture f = {.scratch = scratch_new(), .retry_ms = 1};
    char plan[PATH_MAX + 64];
    sets_open(&f);
    const int64_t id = create(&f);
    CHECK_OK(jobs_ready(f.jobs, &f.err), f.err);
    snprintf(plan, sizeof plan, "write:%s/store.db:1:1000000:EIO", f.scratch.path);
    fault_plan(plan);
    bool replayed;
    DatasetRow set = {.name = "b", .image = {3, 8, "crop", "bilinear"}, .test_share = 0.2};
    assert_false(datasets_create(f.sets, (RequestKey){"new", "POST"}, &set, &replayed, &f.err));
    assert_int_equal(f.err.code, ERR_IO);
    f.err = (Error){0};
    assert_false(jobs_ready(f.jobs, &f.err));
    CHECK_OK(datasets_create(f.sets, (RequestKey){"key", "POST"}, &set, &replayed, &f.err), f.err);
    assert_true(replayed);
    assert_int_equal(set.id, id);
    dataset_row_free(&set);
    assert_false(jobs_ready(f.jobs, &f.err));
    fault_plan(NULL);
    sets_close(&f);
    scratch_free(&f.scratch);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_fail),
        cmocka_unit_test(the_disk_is_full),
        cmocka_unit_test(syncs_fail),
        cmocka_unit_test(names_cannot_be_changed),
        cmocka_unit_test(a_replay_does_not_mend_the_disk),
    };
    return RUN_TESTS(tests);
}
