/* tests/server/models/test_registry.c -- models under names: where versions come from and go to,
 * aliases, and what a death leaves behind. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/train/files/checkpoint.h"
#include "core/train/init.h"
#include "server/jobs/files/job_files.h"
#include "server/jobs/jobs_shared.h"
#include "server/models/model_files.h"
#include "server/models/models.h"
#include "server/models/models_change.h"
#include "server/models/models_register.h"
#include "server/store/store_models.h"
#include "tests/check.h"
#include "tests/server/jobs/fixture.h"

typedef struct {
    JobsFixture jobs;
    Models *models;
    Error err;
} Fixture;

static void open_models(Fixture *f)
{
    const ModelsConfig config = {
        .data = f->jobs.scratch.path, .max_versions = 6, .jobs = f->jobs.jobs};
    CHECK_OK(models_open(&config, &f->models, &f->err), f->err);
}

static int set_up(void **state)
{
    Fixture *f = xcalloc(1, sizeof *f);
    f->jobs.scratch = scratch_new();
    jobs_reopen(&f->jobs);
    open_models(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *f = *state;
    models_close(f->models);
    jobs_close(f->jobs.jobs);
    scratch_free(&f->jobs.scratch);
    free(f);
    return 0;
}

static void reopen(Fixture *f)
{
    models_close(f->models);
    jobs_reopen(&f->jobs);
    open_models(f);
}

/* ---- Moves that tests repeat ---- */

static const char *const NAMES[] = {"coat", "bag"};
static const ModelInfo TINY = {.network = "googlenet_tiny",
                               .channels = 1,
                               .image_size = 32,
                               .classes = 2,
                               .class_names = NAMES,
                               .normalization = {1, {0.25}, {0.5}},
                               .picture = {1, 28, FIT_PAD, FILTER_BICUBIC},
                               .dataset = "clothes"};

/* A model file with weights drawn by that seed, of one channel and two classes. */
static void save_model(const char *path, const ModelInfo *info, uint64_t seed)
{
    Error err = {0};
    const Model *model = models_find("googlenet_tiny");
    Graph *g = model_graph_with(model, (Shape){1, 32, 32}, (ModelOptions){.classes = 2}, &err);
    ParamStore *params;
    assert_non_null(g);
    CHECK_OK(params_new(g, &params, &err), err);
    init_params(params, init_rule(model->weights), seed);
    CHECK_OK(model_save(path, params, info, &err), err);
    params_free(params);
    graph_free(g);
}

static void record_checkpoint(Fixture *f, Run *run, int64_t step, bool best)
{
    const int64_t id = run_job(run)->id;
    const char *data = f->jobs.scratch.path;
    CheckpointRow row = {.step = step,
                         .epoch = step / 10,
                         .validation_accuracy = NAN,
                         .test_accuracy = 0.5,
                         .best = best};
    CHECK_OK(folder_make(job_folder(data, id).text, &f->err), f->err);
    save_model(job_model_path(data, id, step).text, &TINY, (uint64_t)step);
    CHECK_OK(file_digest(job_model_path(data, id, step).text, &row.bytes, row.sha256, &f->err),
             f->err);
    CHECK_OK(run_checkpoint(run, &row, 9, &f->err), f->err);
}

/* A job that has succeeded, whose best checkpoint is step 10 and whose latest is step 20. */
static int64_t trained_job(Fixture *f)
{
    const int64_t id = jobs_add(&f->jobs, "{\"network\":\"googlenet_tiny\"}");
    Run *run = jobs_take(&f->jobs);
    run_records_epoch(&f->jobs, run, 1, 10, 0.75);
    record_checkpoint(f, run, 10, true);
    run_records_epoch(&f->jobs, run, 2, 20, 0.5);
    record_checkpoint(f, run, 20, false);
    run_end(run, (RunEnd){RUN_SUCCEEDED, "completed", ""});
    return id;
}

static ModelVersion register_best(Fixture *f, const char *name, int64_t job)
{
    ModelVersion version;
    const ModelRequest request = {.name = name, .job_id = job, .checkpoint = "best"};
    CHECK_OK(models_register(f->models, &request, &version, NULL, &f->err), f->err);
    return version;
}

static void register_versions(Fixture *f, const char *name, int64_t job, int count)
{
    for (int i = 0; i < count; i++) {
        ModelVersion version = register_best(f, name, job);
        model_version_free(&version);
    }
}

static int64_t version_of(Fixture *f, const char *reference)
{
    ModelVersion version;
    CHECK_OK(models_resolve(f->models, reference, &version, &f->err), f->err);
    const int64_t number = version.row.version;
    model_version_free(&version);
    return number;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

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

static bool set_alias(Fixture *f, const char *model, const char *name, int64_t version)
{
    AliasRow alias = {.version = version};
    ModelDetail detail;
    snprintf(alias.alias, sizeof alias.alias, "%s", name);
    if (!models_edit(f->models, model, put_aliases, &alias, &detail, &f->err))
        return false;
    model_detail_free(&detail);
    return true;
}

static int files_in(const char *folder)
{
    char command[PATH_MAX + 40];
    int count = -1;
    snprintf(command, sizeof command, "find %s -type f 2>/dev/null | wc -l", folder);
    FILE *pipe = popen(command, "r");
    assert_int_equal(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

/* ---- Registration ---- */

static void the_best_checkpoint_becomes_a_version(void **state)
{
    Fixture *f = *state;
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
    Fixture *f = *state;
    const int64_t job = trained_job(f);
    register_versions(f, "shirts", job, 1);
    CHECK_OK(jobs_delete(f->jobs.jobs, job, NULL, NULL, &f->err), f->err);
    assert_false(is_there(job_model_path(f->jobs.scratch.path, job, 10).text));
    reopen(f);
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
    Fixture *f = *state;
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
    Fixture *f = *state;
    const int64_t job = trained_job(f);
    ModelVersion version;
    bool replayed = true;
    ModelRequest request = {
        .name = "shirts", .job_id = job, .checkpoint = "best", .key = {"k", "POST 1"}};
    CHECK_OK(models_register(f->models, &request, &version, &replayed, &f->err), f->err);
    assert_false(replayed);
    model_version_free(&version);
    CHECK_OK(jobs_delete(f->jobs.jobs, job, NULL, NULL, &f->err), f->err);
    reopen(f);
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
    Fixture *f = *state;
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
    Fixture *f = *state;
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
    Fixture *f = *state;
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
    Fixture *f = *state;
    register_versions(f, "shirts", trained_job(f), 1);
    assert_false(set_alias(f, "shirts", "production", 2));
    assert_int_equal(f->err.code, ERR_INVALID);
    assert_false(set_alias(f, "none", "production", 1));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    assert_int_equal(version_of(f, "shirts"), 1);
}

/* ---- Deletion ---- */

static void a_version_that_an_alias_points_at_stays(void **state)
{
    Fixture *f = *state;
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
    Fixture *f = *state;
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

/* ---- After a death ---- */

static void copy_file(const char *from, const char *to)
{
    CHECK_OK(file_link(from, to, &(Error){0}), ((Error){0}));
}

static void files_without_rows_are_put_aside(void **state)
{
    Fixture *f = *state;
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
    reopen(f);
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
    Fixture *f = *state;
    const int64_t job = trained_job(f);
    const char *data = f->jobs.scratch.path;
    register_versions(f, "shirts", job, 2);
    const Path path = model_version_path(data, 1, 2);
    assert_int_equal(unlink(path.text), 0);
    reopen(f);
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
    reopen(f);
    assert_int_equal(version_of(f, "shirts@2"), 2);
    // One that cannot be looked for is not gone; a link to itself is as good as a missing right.
    assert_int_equal(unlink(path.text), 0);
    assert_int_equal(symlink(path.text, path.text), 0);
    reopen(f);
    assert_int_equal(version_of(f, "shirts@2"), 2);
}

static void a_deletion_that_was_cut_off_is_finished(void **state)
{
    Fixture *f = *state;
    const int64_t job = trained_job(f);
    const char *data = f->jobs.scratch.path;
    register_versions(f, "shirts", job, 2);
    register_versions(f, "other", job, 1);
    Store *store = jobs_store(f->jobs.jobs);
    CHECK_OK(store_begin(store, &f->err), f->err);
    CHECK_OK(store_remove_version(store, 1, 1, &f->err), f->err);
    CHECK_OK(store_remove_model(store, 2, &f->err), f->err);
    CHECK_OK(store_commit(store, &f->err), f->err);
    reopen(f);
    assert_false(is_there(model_version_path(data, 1, 1).text));
    assert_false(is_there(model_folder_path(data, 2).text));
    assert_false(is_there(scratch_path(&f->jobs.scratch, "lost+found")));
    assert_int_equal(version_of(f, "shirts"), 2);
}

/* ---- Files from elsewhere ---- */

static void weights_from_elsewhere_become_a_version(void **state)
{
    Fixture *f = *state;
    ModelVersion version;
    Faults faults = {0};
    const char *path = scratch_path(&f->jobs.scratch, "weights");
    save_model(path, &(ModelInfo){0}, 3);
    const ModelUpload upload = {.name = "foreign",
                                .path = path,
                                .hints = {.network = "googlenet_tiny", .image_size = 32},
                                .class_names = NAMES,
                                .class_name_count = 2};
    CHECK_OK(models_upload(f->models, &upload, &version, &faults, &f->err), f->err);
    assert_string_equal(version.row.source.kind, "upload");
    assert_int_equal(version.row.channels, 1);
    assert_int_equal(version.row.classes, 2);
    assert_string_equal(version.class_names[0], "coat");
    assert_int_equal(version.image.size, 32);
    assert_string_equal(version.row.metrics, "null");
    // The file says all of it by now.
    ModelFile file;
    CHECK_OK(model_file_open(version.path.text, &(ModelHints){0}, &file, &f->err), f->err);
    assert_string_equal(file.info.class_names[1], "bag");
    model_file_close(&file);
    model_version_free(&version);
    assert_true(is_there(path));
}

static void all_that_is_wrong_with_weights_is_told(void **state)
{
    Fixture *f = *state;
    ModelVersion version;
    Faults faults = {0};
    const char *path = scratch_path(&f->jobs.scratch, "weights");
    save_model(path, &(ModelInfo){0}, 3);
    ModelUpload upload = {
        .name = "foreign", .path = path, .hints = {.network = "googlenet_tiny", .classes = 5}};
    assert_false(models_upload(f->models, &upload, &version, &faults, &f->err));
    assert_int_equal(f->err.code, ERR_INVALID);
    assert_int_equal(faults.count, 2);  // weights and bias of the last layer
    for (int i = 0; i < faults.count; i++) {
        assert_memory_equal(faults.items[i].pointer, "/tensors/", 9);
        assert_non_null(strstr(faults.items[i].detail, ", not 5"));
    }
    faults = (Faults){0};
    upload.hints.network = "nin";
    upload.hints.classes = 0;
    assert_false(models_upload(f->models, &upload, &version, &faults, &f->err));
    assert_true(faults.count > 10);
    upload.hints.network = NULL;
    faults = (Faults){0};
    assert_false(models_upload(f->models, &upload, &version, &faults, &f->err));
    assert_int_equal(f->err.code, ERR_INVALID);
    assert_int_equal(files_in(scratch_path(&f->jobs.scratch, "models")), 0);
    ModelDetail detail;
    assert_false(models_get(f->models, "foreign", &detail, &f->err));
}

/* As on a disk that is full after 4 kB: the file, and the copy where there are no links. */
static void a_file_that_cannot_be_written_leaves_nothing(void **state)
{
    Fixture *f = *state;
    ModelVersion version;
    Faults faults = {0};
    struct rlimit old;
    const char *path = scratch_path(&f->jobs.scratch, "weights");
    save_model(path, &TINY, 3);
    const ModelUpload upload = {.name = "foreign", .path = path};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, old.rlim_max}), 0);
    assert_false(models_upload(f->models, &upload, &version, &faults, &f->err));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_not_equal(f->err.code, ERR_INVALID);
    assert_int_equal(files_in(scratch_path(&f->jobs.scratch, "models")), 0);
    CHECK_OK(models_upload(f->models, &upload, &version, &faults, &f->err), f->err);
    assert_int_equal(version.row.version, 1);
    model_version_free(&version);
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(the_best_checkpoint_becomes_a_version),
        CASE(a_model_outlives_its_job),
        CASE(what_cannot_be_registered_leaves_nothing),
        CASE(a_key_makes_one_version),
        CASE(a_job_becomes_what_it_was_asked_to_once),
        CASE(there_are_only_so_many),
        CASE(references_find_versions),
        CASE(an_alias_points_at_what_there_is),
        CASE(a_version_that_an_alias_points_at_stays),
        CASE(numbers_of_versions_are_not_used_again),
        CASE(files_without_rows_are_put_aside),
        CASE(a_version_without_its_file_says_so),
        CASE(a_deletion_that_was_cut_off_is_finished),
        CASE(weights_from_elsewhere_become_a_version),
        CASE(all_that_is_wrong_with_weights_is_told),
        CASE(a_file_that_cannot_be_written_leaves_nothing),
        cmocka_unit_test(names_are_plain),
    };
    return RUN_TESTS(tests);
}
