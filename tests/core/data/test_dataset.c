/* tests/core/data/test_dataset.c -- the real Fashion-MNIST, sets by folder, and what is refused. */
#include "core/data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/core/data/mnist/idx_file.h"

#include "tests/check.h"

static const char *const FILES[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

/* A folder with 12 training and 5 test images of 3 x 4 pixels and 4 classes. */
typedef struct {
    char path[32];
} Folder;

static Folder make_folder(void)
{
    Folder f = {"/tmp/test_dataset.XXXXXX"};
    assert_non_null(mkdtemp(f.path));
    const IdxFile files[] = {idx_file_images(12, 3, 4, 144), idx_file_labels(12, 12, 4),
                             idx_file_images(5, 3, 4, 60), idx_file_labels(5, 5, 3)};
    for (size_t i = 0; i < COUNT(FILES); i++)
        idx_file_write(&files[i], f.path, FILES[i]);
    return f;
}

static void remove_file(const Folder *f, const char *name)
{
    char *path = xasprintf("%s/%s", f->path, name);
    unlink(path);
    free(path);
}

static void remove_folder(const Folder *f)
{
    for (size_t i = 0; i < COUNT(FILES); i++) {
        char *packed = xasprintf("%s.gz", FILES[i]);
        remove_file(f, FILES[i]);
        remove_file(f, packed);
        free(packed);
    }
    assert_int_equal(rmdir(f->path), 0);
}

/* The folder's set must be refused; `want` follows the folder's name in the message. */
static void check_refused(const Folder *f, ErrorCode code, const char *want)
{
    Error err;
    Dataset *d;
    char *message = xasprintf("%s/%s", f->path, want);
    CHECK_REFUSED(dataset_open(f->path, NULL, &d, &err), err, code, message);
    free(message);
}

static void table_names_fashion_mnist_first(void **state)
{
    (void)state;
    size_t count;
    const DatasetInfo *table = dataset_table(&count);
    assert_true(count >= 2);
    assert_string_equal(table[0].name, "fashion_mnist");
    assert_string_equal(table[0].title, "Fashion-MNIST");
    for (size_t i = 0; i < count; i++)
        for (int c = 0; c < table[i].classes; c++)
            assert_non_null(table[i].class_names[c]);
    for (size_t i = 0; i < count; i++)
        assert_ptr_equal(dataset_find(table[i].name), &table[i]);
    assert_null(dataset_find("fashion"));
    assert_null(dataset_find(""));
}

static void check_split(const Split *split, int count, unsigned pixels_crc, unsigned labels_crc)
{
    assert_int_equal(split->count, count);
    assert_int_equal(crc32(0, split->pixels, (unsigned)count * 784), pixels_crc);
    uint8_t *labels = xcalloc((size_t)count, 1);
    for (int i = 0; i < count; i++)
        labels[i] = (uint8_t)split->labels[i];
    assert_int_equal(crc32(0, labels, (unsigned)count), labels_crc);
    free(labels);
}

static void fashion_mnist_is_the_real_one(void **state)
{
    (void)state;
    static const uint16_t FIRST_LABELS[] = {9, 0, 0, 3, 0, 2, 7, 2, 5, 5};
    static const uint8_t ROW_14[] = {0, 0, 237, 226, 217, 223, 222, 219};
    Error err = {0};
    Dataset *d;
    CHECK_OK(dataset_open("fashion_mnist", NULL, &d, &err), err);
    assert_string_equal(d->name, "fashion_mnist");
    assert_true(shape_equal(d->image, (Shape){1, 28, 28}));
    assert_int_equal(d->classes, 10);
    assert_string_equal(d->class_names[0], "T-shirt/top");
    assert_string_equal(d->class_names[9], "Ankle boot");
    assert_memory_equal(d->train.labels, FIRST_LABELS, sizeof FIRST_LABELS);
    assert_memory_equal(d->train.pixels + 14 * 28 + 10, ROW_14, sizeof ROW_14);
    // The sums of what Python's gzip and zlib read from the same files.
    check_split(&d->train, 60000, 0xae65dccd, 0x2ed6e46a);
    check_split(&d->test, 10000, 0x12728439, 0x242bc73f);
    int counts[10] = {0};
    for (int i = 0; i < d->train.count; i++)
        counts[d->train.labels[i]]++;
    for (int c = 0; c < 10; c++)
        assert_int_equal(counts[c], 6000);
    dataset_free(d);
}

static void classes_are_counted_by_their_labels_alone(void **state)
{
    (void)state;
    const DatasetInfo *fashion = dataset_find("fashion_mnist");
    int64_t train[10], test[10];
    Error err = {0};
    CHECK_OK(dataset_count_classes(fashion, NULL, train, test, &err), err);
    for (int c = 0; c < 10; c++) {
        assert_int_equal(train[c], 6000);
        assert_int_equal(test[c], 1000);
    }
    const Folder f = make_folder();
    remove_file(&f, FILES[0]);
    CHECK_OK(dataset_count_classes(fashion, f.path, train, test, &err), err);
    static const int64_t TRAIN[10] = {3, 3, 3, 3}, TEST[10] = {2, 2, 1};
    assert_memory_equal(train, TRAIN, sizeof train);
    assert_memory_equal(test, TEST, sizeof test);
    const IdxFile beyond = idx_file_labels(12, 12, 11);
    idx_file_write(&beyond, f.path, FILES[1]);
    assert_false(dataset_count_classes(fashion, f.path, train, test, &err));
    assert_int_equal(err.code, ERR_INVALID);
    remove_file(&f, FILES[3]);
    remove_file(&f, FILES[1]);
    assert_false(dataset_count_classes(fashion, f.path, train, test, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    remove_folder(&f);
}

static void a_folder_is_a_dataset(void **state)
{
    (void)state;
    const Folder f = make_folder();
    Error err = {0};
    Dataset *d;
    CHECK_OK(dataset_open(f.path, NULL, &d, &err), err);
    assert_string_equal(d->name, f.path);
    assert_true(shape_equal(d->image, (Shape){1, 3, 4}));
    assert_int_equal(d->classes, 4);
    assert_string_equal(d->class_names[0], "0");
    assert_string_equal(d->class_names[3], "3");
    assert_int_equal(d->train.count, 12);
    assert_int_equal(d->test.count, 5);
    assert_int_equal(d->train.labels[7], 3);
    assert_int_equal(d->test.pixels[59], 59);
    dataset_free(d);
    remove_folder(&f);
}

static void plain_files_come_before_packed_ones(void **state)
{
    (void)state;
    const Folder f = make_folder();
    const IdxFile other = idx_file_labels(12, 12, 2), packed = idx_file_gzip(&other);
    idx_file_write(&packed, f.path, "train-labels-idx1-ubyte.gz");
    Error err = {0};
    Dataset *d;
    CHECK_OK(dataset_open(f.path, NULL, &d, &err), err);
    assert_int_equal(d->train.labels[3], 3);
    dataset_free(d);

    remove_file(&f, "train-labels-idx1-ubyte");
    remove_file(&f, "t10k-labels-idx1-ubyte");
    const IdxFile test = idx_file_labels(5, 5, 2);
    idx_file_write(&test, f.path, "t10k-labels-idx1-ubyte");
    CHECK_OK(dataset_open(f.path, NULL, &d, &err), err);
    assert_int_equal(d->classes, 2);
    assert_int_equal(d->train.labels[3], 1);
    dataset_free(d);
    remove_folder(&f);
}

static void refuses_names_that_it_does_not_know(void **state)
{
    (void)state;
    Error err;
    Dataset *d;
    CHECK_REFUSED(
        dataset_open("fashion", NULL, &d, &err), err, ERR_NOT_FOUND,
        "dataset must be a known name (such as fashion_mnist) or a folder with a slash in "
        "it, got fashion");
    CHECK_REFUSED(dataset_open("/nowhere", NULL, &d, &err), err, ERR_NOT_FOUND,
                  "there is no folder /nowhere");
    CHECK_REFUSED(dataset_present("/nowhere", NULL, &err), err, ERR_NOT_FOUND,
                  "there is no folder /nowhere");
    CHECK_REFUSED(dataset_open("fashion_mnist", "/nowhere", &d, &err), err, ERR_NOT_FOUND,
                  "/nowhere/train-images-idx3-ubyte is missing, and so is the same with .gz");
}

/* dataset_present says the same as dataset_open of files that are missing, without reading them. */
static void what_is_missing_is_seen_without_reading(void **state)
{
    (void)state;
    const Folder f = make_folder();
    Error err = {0};
    CHECK_OK(dataset_present(f.path, NULL, &err), err);
    CHECK_OK(dataset_present("mnist", f.path, &err), err);  // whatever the files hold
    for (size_t i = 0; i < COUNT(FILES); i++) {
        char *path = xasprintf("%s/%s", f.path, FILES[i]), *moved = xasprintf("%s.gz", path);
        char *want = xasprintf("%s is missing, and so is the same with .gz", path);
        remove_file(&f, FILES[i]);
        CHECK_REFUSED(dataset_present("mnist", f.path, &err), err, ERR_NOT_FOUND, want);
        idx_file_write(&(IdxFile){0}, f.path, strrchr(moved, '/') + 1);
        CHECK_OK(dataset_present("mnist", f.path, &err), err);
        free(path);
        free(moved);
        free(want);
    }
    CHECK_REFUSED(
        dataset_present("fashion", NULL, &err), err, ERR_NOT_FOUND,
        "dataset must be a known name (such as fashion_mnist) or a folder with a slash in "
        "it, got fashion");
    remove_folder(&f);
}

/* As for lack of a right, which root does not lack: a folder that is a link to itself. */
static void what_cannot_be_looked_at_is_not_missing(void **state)
{
    (void)state;
    const Folder f = make_folder();
    Error err = {0};
    Dataset *d;
    char *loop = xasprintf("%s/loop", f.path);
    assert_int_equal(symlink(loop, loop), 0);
    const char *const SOURCES[] = {loop, "fashion_mnist"};
    for (size_t i = 0; i < COUNT(SOURCES); i++) {
        for (int opens = 0; opens < 2; opens++) {
            err = (Error){0};
            assert_false(opens ? dataset_open(SOURCES[i], loop, &d, &err)
                               : dataset_present(SOURCES[i], loop, &err));
            assert_int_equal(err.code, ERR_IO);
            assert_non_null(strstr(err.message, "Too many levels of symbolic links"));
        }
    }
    assert_int_equal(unlink(loop), 0);
    free(loop);
    remove_folder(&f);
}

static void refuses_a_missing_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(FILES); i++) {
        const Folder f = make_folder();
        remove_file(&f, FILES[i]);
        char *want = xasprintf("%s is missing, and so is the same with .gz", FILES[i]);
        check_refused(&f, ERR_NOT_FOUND, want);
        free(want);
        remove_folder(&f);
    }
}

/* One file of the folder is replaced by a wrong one. */
static void refuses_files_that_contradict(void **state)
{
    (void)state;
    const struct {
        const char *name;
        IdxFile file;
        const char *want;
    } FAULTS[] = {
        {"train-labels-idx1-ubyte", idx_file_labels(11, 11, 4),
         "train-labels-idx1-ubyte has 11 labels, but there are 12 images beside it"},
        {"t10k-images-idx3-ubyte", idx_file_images(6, 3, 4, 72),
         "t10k-labels-idx1-ubyte has 5 labels, but there are 6 images beside it"},
        {"t10k-images-idx3-ubyte", idx_file_images(5, 4, 3, 60),
         "t10k-images-idx3-ubyte has images of 4 x 3 pixels, want 3 x 4"},
        {"t10k-labels-idx1-ubyte", idx_file_labels(5, 5, 5),
         "t10k-labels-idx1-ubyte: label 4 of example 4 is outside the 4 classes"},
        {"t10k-labels-idx1-ubyte", idx_file_images(5, 1, 1, 5),
         "t10k-labels-idx1-ubyte has the wrong magic number 0x00000803: an IDX file of labels "
         "begins with 0x00000801"},
        {"train-images-idx3-ubyte", idx_file_images(12, 3, 4, 100),
         "train-images-idx3-ubyte is cut off: 44 of its 144 bytes of images are missing"},
    };
    for (size_t i = 0; i < COUNT(FAULTS); i++) {
        const Folder f = make_folder();
        idx_file_write(&FAULTS[i].file, f.path, FAULTS[i].name);
        check_refused(&f, ERR_INVALID, FAULTS[i].want);
        remove_folder(&f);
    }
}

static void a_known_set_must_be_as_the_table_says(void **state)
{
    (void)state;
    const Folder f = make_folder();
    Error err;
    Dataset *d;
    char *want =
        xasprintf("%s/train-images-idx3-ubyte has images of 3 x 4 pixels, want 28 x 28", f.path);
    CHECK_REFUSED(dataset_open("mnist", f.path, &d, &err), err, ERR_INVALID, want);
    free(want);

    const IdxFile images = idx_file_images(3, 28, 28, 3 * 784);
    const IdxFile labels = idx_file_labels(3, 3, 0),
                  wrong = {.bytes = {0, 0, 8, 1, 0, 0, 0, 3, 1, 10, 2}, .size = 11};
    idx_file_write(&images, f.path, "train-images-idx3-ubyte");
    idx_file_write(&images, f.path, "t10k-images-idx3-ubyte");
    idx_file_write(&labels, f.path, "t10k-labels-idx1-ubyte");
    idx_file_write(&wrong, f.path, "train-labels-idx1-ubyte");
    want = xasprintf("%s/train-labels-idx1-ubyte: label 10 of example 1 is outside the 10 classes",
                     f.path);
    CHECK_REFUSED(dataset_open("mnist", f.path, &d, &err), err, ERR_INVALID, want);
    free(want);

    idx_file_write(&labels, f.path, "train-labels-idx1-ubyte");
    CHECK_OK(dataset_open("mnist", f.path, &d, &err), err);
    assert_int_equal(d->classes, 10);
    assert_int_equal(d->train.count, 3);
    dataset_free(d);
    remove_folder(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_names_fashion_mnist_first),
        cmocka_unit_test(fashion_mnist_is_the_real_one),
        cmocka_unit_test(classes_are_counted_by_their_labels_alone),
        cmocka_unit_test(a_folder_is_a_dataset),
        cmocka_unit_test(plain_files_come_before_packed_ones),
        cmocka_unit_test(refuses_names_that_it_does_not_know),
        cmocka_unit_test(what_is_missing_is_seen_without_reading),
        cmocka_unit_test(what_cannot_be_looked_at_is_not_missing),
        cmocka_unit_test(refuses_a_missing_file),
        cmocka_unit_test(refuses_files_that_contradict),
        cmocka_unit_test(a_known_set_must_be_as_the_table_says),
    };
    return RUN_TESTS(tests);
}
