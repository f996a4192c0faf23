/* tests/server/data/test_dataset_folder.c -- both spellings of a dataset's folder are found. */
#include "server/data/dataset_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/check.h"
#include "tests/server/scratch.h"

static const DatasetInfo FASHION = {.name = "fashion_mnist", .folder = "/usual/place"};

static void check(const char *datasets, const char *want)
{
    char *folder = dataset_folder(datasets, &FASHION);
    assert_string_equal(folder, want);
    free(folder);
}

static void without_a_folder_of_datasets_it_is_the_usual_place(void **state)
{
    (void)state;
    check(NULL, "/usual/place");
}

static void the_datasets_own_name_goes_before_debians(void **state)
{
    (void)state;
    Scratch scratch = scratch_new();
    const char *own = scratch_path(&scratch, "fashion_mnist");
    const char *debians = scratch_path(&scratch, "fashion-mnist");
    check(scratch.path, own);  // neither is there
    assert_int_equal(mkdir(debians, 0755), 0);
    check(scratch.path, debians);
    assert_int_equal(mkdir(own, 0755), 0);
    check(scratch.path, own);
    scratch_free(&scratch);
}

/* As where a disk that is not mounted leaves an empty folder. */
static void of_two_the_one_with_the_files_is_it(void **state)
{
    static const char *const FILES[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz",
                                        "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte"};
    (void)state;
    Scratch scratch = scratch_new();
    const char *own = scratch_path(&scratch, "fashion_mnist");
    const char *debians = scratch_path(&scratch, "fashion-mnist");
    assert_int_equal(mkdir(own, 0755), 0);
    assert_int_equal(mkdir(debians, 0755), 0);
    for (size_t i = 0; i < COUNT(FILES); i++) {
        check(scratch.path, own);
        char *path = xasprintf("%s/%s", debians, FILES[i]);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fclose(file), 0);
        free(path);
    }
    check(scratch.path, debians);
    scratch_free(&scratch);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_folder_of_datasets_it_is_the_usual_place),
        cmocka_unit_test(the_datasets_own_name_goes_before_debians),
        cmocka_unit_test(of_two_the_one_with_the_files_is_it),
    };
    return RUN_TESTS(tests);
}
