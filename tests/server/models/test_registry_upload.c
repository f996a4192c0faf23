/* tests/server/models/test_registry_upload.c -- weights from elsewhere become a version, or leave
 * nothing. */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "core/train/files/checkpoint.h"
#include "server/models/models_register.h"
#include "tests/check.h"
#include "tests/server/models/registry_fixture.h"

static void weights_from_elsewhere_become_a_version(void **state)
{
    RegistryFixture *f = *state;
    ModelVersion version;
    Faults faults = {0};
    const char *path = scratch_path(&f->jobs.scratch, "weights");
    save_model(path, &(ModelInfo){0}, 3);
    const ModelUpload upload = {.name = "foreign",
                                .path = path,
                                .hints = {.network = "googlenet_tiny", .image_size = 32},
                                .class_names = TINY_CLASSES,
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
    RegistryFixture *f = *state;
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
    RegistryFixture *f = *state;
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

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, registry_set_up, registry_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(weights_from_elsewhere_become_a_version),
        CASE(all_that_is_wrong_with_weights_is_told),
        CASE(a_file_that_cannot_be_written_leaves_nothing),
    };
    return RUN_TESTS(tests);
}
