/* tests/server/models/test_registry_recover.c -- what a start of the daemon finds of models: files
 * without rows, rows without files, a deletion that was cut off. */
#include <sys/stat.h>
#include <unistd.h>

#include "server/jobs/files/job_files.h"
#include "server/jobs/jobs_shared.h"
#include "server/models/model_files.h"
#include "server/store/store_models.h"
#include "tests/check.h"
#include "tests/server/models/registry_fixture.h"

static void copy_file(const char *from, const char *to)
{
    CHECK_OK(file_link(from, to, &(Error){0}), ((Error){0}));
}

static void files_without_rows_are_put_aside(void **state)
{
    RegistryFixture *f = *state;
    const int64_t job = trained_job(f);
    const char *data = f->jobs.scratch.path;
    register_versions(f, "shirts", job, 1);
    const char *from = job_model_path(data, job, 10).text;
    // A registration that died before its row was committed, and one before its file was placed.
    copy_file(from, model_version_path(data, 1, 2).text);
    Path incoming;
    CHECK_OK(model_incoming_path(data, &incoming, &(Error){0}), ((Error){0}));
    copy_file(from, incoming.text);
    assert_int_equal(mkdir(model_folder_path(data, 7).text, 0700), 0);
    copy_file(from, model_version_path(data, 7, 1).text);
    registry_reopen(f);
    assert_int_equal(files_in(scratch_path(&f->jobs.scratch, "models")), 1);
    assert_true(is_there(scratch_path(&f->jobs.scratch, "lost+found/model_1.2.safetensors")));
    assert_true(is_there(scratch_path(&f->jobs.scratch, "lost+found/model_7.1.safetensors")));
    assert_int_equal(version_of(f, "shirts"), 1);
    // Whatever was given the id 7 once, it is not given again.
    ModelVersion version = register_best(f, "other", job);
    assert_int_equal(version.row.model_id, 8);
    model_version_free(&version);
}

static void a_version_without_its_file_says_so(void **state)
{
    RegistryFixture *f = *state;
    const int64_t job = trained_job(f);
    const char *data = f->jobs.scratch.path;
    register_versions(f, "shirts", job, 2);
    const Path path = model_version_path(data, 1, 2);
    assert_int_equal(unlink(path.text), 0);
    registry_reopen(f);
    ModelVersion version;
    assert_false(models_resolve(f->models, "shirts@2", &version, &f->err));
    assert_string_equal(f->err.reason, "file_missing");
    assert_int_equal(version_of(f, "shirts@1"), 1);
    // Back, it is one at once, as after the next start.
    ModelDetail model;
    copy_file(job_model_path(data, job, 10).text, path.text);
    assert_int_equal(version_of(f, "shirts@2"), 2);
    CHECK_OK(models_get(f->models, "shirts", &model, &f->err), f->err);
    for (size_t i = 0; i < model.versions.count; i++)
        assert_false(model.versions.items[i].missing);
    model_detail_free(&model);
    registry_reopen(f);
    assert_int_equal(version_of(f, "shirts@2"), 2);
    // One that cannot be looked for is not gone; a link to itself is as good as a missing right.
    assert_int_equal(unlink(path.text), 0);
    assert_int_equal(symlink(path.text, path.text), 0);
    registry_reopen(f);
    assert_int_equal(version_of(f, "shirts@2"), 2);
}

static void a_deletion_that_was_cut_off_is_finished(void **state)
{
    RegistryFixture *f = *state;
    const int64_t job = trained_job(f);
    const char *data = f->jobs.scratch.path;
    register_versions(f, "shirts", job, 2);
    register_versions(f, "other", job, 1);
    Store *store = jobs_store(f->jobs.jobs);
    CHECK_OK(store_begin(store, &f->err), f->err);
    CHECK_OK(store_remove_version(store, 1, 1, &f->err), f->err);
    CHECK_OK(store_remove_model(store, 2, &f->err), f->err);
    CHECK_OK(store_commit(store, &f->err), f->err);
    registry_reopen(f);
    assert_false(is_there(model_version_path(data, 1, 1).text));
    assert_false(is_there(model_folder_path(data, 2).text));
    assert_false(is_there(scratch_path(&f->jobs.scratch, "lost+found")));
    assert_int_equal(version_of(f, "shirts"), 2);
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, registry_set_up, registry_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(files_without_rows_are_put_aside),
        CASE(a_version_without_its_file_says_so),
        CASE(a_deletion_that_was_cut_off_is_finished),
    };
    return RUN_TESTS(tests);
}
