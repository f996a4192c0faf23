/* tests/server/models/test_registry.c -- models under names: which checkpoints become versions,
 * what a reference means, and what may be deleted. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/memory.h"
#include "core/train/files/checkpoint.h"
#include "server/jobs/files/job_files.h"
#include "server/models/model_files.h"
#include "server/models/models_change.h"
#include "server/models/models_register.h"
#include "tests/check.h"
#include "tests/server/models/registry_fixture.h"

/* {alias, version} puts, version 0 takes away. */
static bool put_aliases(void *context, const ModelDetail *model, ModelChange *change, Error *err)
{
    const AliasRow *alias = context;
    (void)model;
    (void)err;
    change->aliases.items = xcalloc(1, sizeof *alias);
    change->aliases.items[0] = *alias;
    change->aliases.count = 1;
    return true;
}

static bool set_alias(RegistryFixture *f, const char *model, const char *name, int64_t version)
{
    AliasRow alias = {.version = version};
    ModelDetail detail;
    snprintf(alias.alias, sizeof alias.alias, "%s", name);
    if (!models_edit(f->models, model, put_aliases, &alias, &detail, &f->err))
        return false;
    model_detail_free(&detail);
    return true;
}

/* ---- Registration ---- */

static void the_best_checkpoint_becomes_a_version(void **state)
{
    RegistryFixture *f = *state;
    const int64_t job = trained_job(f);
    ModelVersion version = register_best(f, "shirts", job);
    struct stat ours, theirs;
    assert_string_equal(version.name, "shirts");
    assert_int_equal(version.row.version, 1);
    assert_string_equal(version.row.source.kind, "job");
    assert_int_equal(version.row.source.job_id, job);
    assert_int_equal(version.row.source.step, 10);
    assert_string_equal(version.row.network, "googlenet_tiny");
    assert_int_equal(version.row.image_size, 32);
    assert_int_equal(version.row.classes, 2);
    assert_string_equal(version.class_names[1], "bag");
    assert_memory_equal(&version.image, &TINY.picture, sizeof version.image);
    assert_int_equal(version.normalization.channels, 1);
    assert_string_equal(version.row.dataset.name, "fashion_mnist");  // the job knows better
    assert_non_null(strstr(version.row.metrics, "\"test_accuracy\":0.75"));
    assert_non_null(strstr(version.row.settings, "\"network\":\"googlenet_tiny\""));
    // One file with two names.
    const Path path = job_model_path(f->jobs.scratch.path, job, 10);
    assert_int_equal(stat(version.path.text, &ours), 0);
    assert_int_equal(stat(path.text, &theirs), 0);
    assert_int_equal(ours.st_ino, theirs.st_ino);
    assert_int_equal(ours.st_size, version.row.bytes);
    model_version_free(&version);
    version = register_best(f, "shirts", job);
    assert_int_equal(version.row.version, 2);
    model_version_free(&version);
    assert_int_equal(files_in(scratch_path(&f->jobs.scratch, "models")), 2);
}

static void a_model_outlives_its_job(void **state)
{
    RegistryFixture *f = *state;
    const int64_t job = trained_job(f);
    register_versions(f, "shirts", job, 1);
    CHECK_OK(jobs_delete(f->jobs.jobs, job, NULL, NULL, &f->err), f->err);
    assert_false(is_there(job_model_path(f->jobs.scratch.path, job, 10).text));
    registry_reopen(f);
    ModelVersion version;
    int64_t bytes;
    char sha256[65];
    CHECK_OK(models_resolve(f->models, "shirts", &version, &f->err), f->err);
    CHECK_OK(file_digest(version.path.text, &bytes, sha256, &f->err), f->err);
    assert_string_equal(sha256, version.row.sha256);
    ModelFile file;
    CHECK_OK(model_file_open(version.path.text, &(ModelHints){0}, &file, &f->err), f->err);
    model_file_close(&file);
    model_version_free(&version);
}

static void what_cannot_be_registered_leaves_nothing(void **state)
{
    RegistryFixture *f = *state;
    const int64_t job = trained_job(f);
    ModelVersion version;
    ModelRequest request = {.name = "shirts", .job_id = 99, .checkpoint = "best"};
    assert_false(models_register(f->models, &request, &version, NULL, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    request.job_id = job;
    request.checkpoint = "step_7";
    assert_false(models_register(f->models, &request, &version, NULL, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    // The file of the best one is not what it was.
    save_model(job_model_path(f->jobs.scratch.path, job, 10).text, &TINY, 1234);
    request.checkpoint = "best";
    assert_false(models_register(f->models, &request, &version, NULL, &f->err));
    assert_int_equal(f->err.code, ERR_DAMAGED);
    ModelDetail detail;
    assert_false(models_get(f->models, "shirts", &detail, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    assert_int_equal(files_in(scratch_path(&f->jobs.scratch, "models")), 0);
}

static void a_key_makes_one_version(void **state)
{
    RegistryFixture *f = *state;
    const int64_t job = trained_job(f);
    ModelVersion version;
    bool replayed = true;
    ModelRequest request = {
        .name = "shirts", .job_id = job, .checkpoint = "best", .key = {"k", "POST 1"}};
    CHECK_OK(models_register(f->models, &request, &version, &replayed, &f->err), f->err);
    assert_false(replayed);
    model_version_free(&version);
    CHECK_OK(jobs_delete(f->jobs.jobs, job, NULL, NULL, &f->err), f->err);
    registry_reopen(f);
    CHECK_OK(models_register(f->models, &request, &version, &replayed, &f->err), f->err);
    assert_true(replayed);
    assert_int_equal(version.row.version, 1);
    model_version_free(&version);
    request.key.request = "POST 2";
    assert_false(models_register(f->models, &request, &version, &replayed, &f->err));
    assert_string_equal(f->err.reason, "key_reused");
}

static void a_job_becomes_what_it_was_asked_to_once(void **state)
{
    RegistryFixture *f = *state;
    const int64_t job = trained_job(f);
    for (int i = 0; i < 2; i++) {
        ModelVersion version;
        CHECK_OK(models_register_job(f->models, job, "shirts", &version, &f->err), f->err);
        assert_int_equal(version.row.version, 1);
        assert_int_equal(version.row.source.step, 10);
        model_version_free(&version);
    }
}

static void there_are_only_so_many(void **state)
{
    RegistryFixture *f = *state;
    const int64_t job = trained_job(f);
    register_versions(f, "shirts", job, 6);
    ModelVersion version;
    const ModelRequest request = {.name = "other", .job_id = job, .checkpoint = "best"};
    assert_false(models_register(f->models, &request, &version, NULL, &f->err));
    assert_string_equal(f->err.reason, "store_full");
    assert_int_equal(files_in(scratch_path(&f->jobs.scratch, "models")), 6);
}

/* ---- References ---- */

static void references_find_versions(void **state)
{
    RegistryFixture *f = *state;
    const int64_t job = trained_job(f);
    register_versions(f, "shirts", job, 3);
    assert_int_equal(version_of(f, "shirts"), 3);
    assert_int_equal(version_of(f, "shirts@2"), 2);
    CHECK_OK(set_alias(f, "shirts", "old", 1), f->err);
    assert_int_equal(version_of(f, "shirts@old"), 1);
    assert_int_equal(version_of(f, "shirts"), 3);
    CHECK_OK(set_alias(f, "shirts", "production", 2), f->err);
    assert_int_equal(version_of(f, "shirts"), 2);
    CHECK_OK(set_alias(f, "shirts", "production", 0), f->err);
    assert_int_equal(version_of(f, "shirts"), 3);
    static const char *const NONE[] = {"",          "none",       "shirts@4",
                                       "shirts@0",  "shirts@-1",  "shirts@new",
                                       "shirts@",   "shirts@1@2", "../shirts",
                                       ".",         "@1",         "shirts@99999999999999999999",
                                       "shirts@ 1", "shirts@+1"};
    for (size_t i = 0; i < COUNT(NONE); i++) {
        ModelVersion version;
        f->err = (Error){0};
        assert_false(models_resolve(f->models, NONE[i], &version, &f->err));
        assert_int_equal(f->err.code, ERR_NOT_FOUND);
    }
}

static void an_alias_points_at_what_there_is(void **state)
{
    RegistryFixture *f = *state;
    register_versions(f, "shirts", trained_job(f), 1);
    assert_false(set_alias(f, "shirts", "production", 2));
    assert_int_equal(f->err.code, ERR_INVALID);
    assert_false(set_alias(f, "none", "production", 1));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    assert_int_equal(version_of(f, "shirts"), 1);
}

static void names_are_plain(void **state)
{
    (void)state;
    char longest[MODEL_NAME], alias[MODEL_ALIAS];
    memset(longest, 'x', sizeof longest);
    longest[MODEL_NAME - 1] = '\0';
    memset(alias, 'y', sizeof alias);
    alias[MODEL_ALIAS - 1] = '\0';
    assert_true(model_name_valid("Shirts-1_b.2"));
    assert_true(model_name_valid(longest));
    assert_true(model_name_valid("7"));
    static const char *const BAD[] = {"", ".", "..", "a/b", "a b", "a@b", "h\xc3\xa4", "a\n", "%"};
    for (size_t i = 0; i < COUNT(BAD); i++) {
        assert_false(model_name_valid(BAD[i]));
        if (i > 2 || i == 0)
            assert_false(model_alias_valid(BAD[i]));
    }
    char longer[MODEL_NAME + 1];
    snprintf(longer, sizeof longer, "%sx", longest);
    assert_false(model_name_valid(longer));
    assert_true(model_alias_valid(alias));
    assert_true(model_alias_valid("v2"));
    assert_false(model_alias_valid("2"));
}

/* ---- Deletion ---- */

static void a_version_that_an_alias_points_at_stays(void **state)
{
    RegistryFixture *f = *state;
    register_versions(f, "shirts", trained_job(f), 2);
    const char *data = f->jobs.scratch.path;
    CHECK_OK(set_alias(f, "shirts", "production", 1), f->err);
    assert_false(models_delete_version(f->models, "shirts", 1, NULL, NULL, &f->err));
    assert_string_equal(f->err.reason, "version_in_use");
    assert_true(is_there(model_version_path(data, 1, 1).text));
    CHECK_OK(set_alias(f, "shirts", "production", 2), f->err);
    CHECK_OK(models_delete_version(f->models, "shirts", 1, NULL, NULL, &f->err), f->err);
    assert_false(is_there(model_version_path(data, 1, 1).text));
    assert_true(is_there(model_version_path(data, 1, 2).text));
    assert_false(models_delete_version(f->models, "shirts", 1, NULL, NULL, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    assert_int_equal(version_of(f, "shirts"), 2);
}

static void numbers_of_versions_are_not_used_again(void **state)
{
    RegistryFixture *f = *state;
    const int64_t job = trained_job(f);
    register_versions(f, "shirts", job, 2);
    CHECK_OK(models_delete_version(f->models, "shirts", 2, NULL, NULL, &f->err), f->err);
    ModelVersion version = register_best(f, "shirts", job);
    assert_int_equal(version.row.version, 3);
    model_version_free(&version);
    CHECK_OK(models_delete(f->models, "shirts", NULL, NULL, &f->err), f->err);
    assert_int_equal(files_in(scratch_path(&f->jobs.scratch, "models")), 0);
    version = register_best(f, "shirts", job);
    assert_int_equal(version.row.version, 1);
    assert_int_equal(version.row.model_id, 2);
    model_version_free(&version);
    assert_true(is_there(job_model_path(f->jobs.scratch.path, job, 10).text));
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, registry_set_up, registry_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_best_checkpoint_becomes_a_version),
        CASE(a_model_outlives_its_job),
        CASE(what_cannot_be_registered_leaves_nothing),
        CASE(a_key_makes_one_version),
        CASE(a_job_becomes_what_it_was_asked_to_once),
        CASE(there_are_only_so_many),
        CASE(references_find_versions),
        CASE(an_alias_points_at_what_there_is),
        cmocka_unit_test(names_are_plain),
        CASE(a_version_that_an_alias_points_at_stays),
        CASE(numbers_of_versions_are_not_used_again),
    };
    return RUN_TESTS(tests);
}
