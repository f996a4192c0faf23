/* tests/server/data/intake/layout/test_layout_idx.c -- the four files of an MNIST-like set, in
 * folders and archives, packed and plain. */
#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

#include "server/data/intake/layout/layout.h"
#include "tests/server/data/intake/source/archives.h"

#include "tests/check.h"

#include "tests/server/data/intake/layout/layout_text.h"
#include "tests/server/data/intake/scratch_case.h"

static int setup(void **state)
{
    scratch_setup(state);
    mkdir(scratch_path(&scratch, "set"), 0755);
    return 0;
}

/* A file of `count` items of `size` bytes: pixel b of image i is 10 * i + b; labels as given. */
static void make(const char *name, int count, int side, const uint8_t *labels)
{
    uint8_t bytes[400] = {0, 0, 8, (uint8_t)(side ? 3 : 1), 0, 0, 0, (uint8_t)count};
    int size = 8;
    if (side) {
        bytes[11] = bytes[15] = (uint8_t)side;
        size = 16;
    }
    for (int i = 0; i < count; i++)
        for (int b = 0; b < (side ? side * side : 1); b++)
            bytes[size++] = side ? (uint8_t)(10 * i + b) : labels[i];
    char path[100];
    snprintf(path, sizeof path, "set/%s", name);
    if (!strstr(name, ".gz")) {
        file_make(scratch_path(&scratch, path), bytes, (size_t)size);
        return;
    }
    const gzFile file = gzopen(scratch_path(&scratch, path), "wb");
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), size);
    gzclose(file);
}

static const char *found(void)
{
    return layout_text_of(scratch_path(&scratch, "set"));
}

static void make_all(const uint8_t *train, const uint8_t *test)
{
    make("train-images-idx3-ubyte.gz", 3, 2, NULL);
    make("train-labels-idx1-ubyte.gz", 3, 0, train);
    make("t10k-images-idx3-ubyte", 2, 2, NULL);
    make("t10k-labels-idx1-ubyte", 2, 0, test);
}

static void pictures_are_numbered_in_their_file(void **state)
{
    (void)state;
    make_all((const uint8_t[]){11, 0, 2}, (const uint8_t[]){2, 11});
    make("t10k-images-idx3-ubyte.gz", 7, 2, NULL);
    const char *text = found();
    assert_non_null(strstr(text, "idx: 0 1 2 3 4 5 6 7 8 9 10 11\n"
                                 "t10k-images-idx3-ubyte[0]: 2 test\n"
                                 "t10k-images-idx3-ubyte[1]: 11 test\n"
                                 "train-images-idx3-ubyte.gz[0]: 11 train\n"
                                 "train-images-idx3-ubyte.gz[1]: 0 train\n"
                                 "train-images-idx3-ubyte.gz[2]: 2 train\n"
                                 "t10k-images-idx3-ubyte.gz: outside_layout: it is not one of the "
                                 "four IDX files\n"
                                 "! empty_class: no label is 1, the number of a class\n"));
    Source *s;
    Layout layout;
    Error err = {0};
    CHECK_OK(source_open(scratch_path(&scratch, "set"), &(SourceOptions){0}, &s, &err), err);
    CHECK_OK(layout_find(s, &layout, &err), err);
    assert_int_equal(layout.images[0].count, 3);
    assert_int_equal(layout.images[1].count, 2);
    assert_int_equal(layout.images[0].data[2 * 4 + 3], 23);
    layout_clear(&layout);
    source_free(s);
}

static void archives_and_other_names_do_as_well(void **state)
{
    (void)state;
    make("train-images.idx3-ubyte", 2, 2, NULL);
    make("train-labels.idx1-ubyte", 2, 0, (const uint8_t[]){0, 1});
    make("test-images-idx3-ubyte", 1, 2, NULL);
    make("test-labels-idx1-ubyte", 1, 0, (const uint8_t[]){1});
    char command[3 * PATH_MAX];
    snprintf(command, sizeof command, "cd '%s' && tar czf a.tar.gz set", scratch.path);
    assert_int_equal(system(command), 0);
    assert_string_equal(layout_text_of(scratch_path(&scratch, "a.tar.gz")),
                        "idx: 0 1\nset/test-images-idx3-ubyte[0]: 1 test\n"
                        "set/train-images.idx3-ubyte[0]: 0 train\n"
                        "set/train-images.idx3-ubyte[1]: 1 train\n");
}

static void contradictions_are_refused(void **state)
{
    (void)state;
    make_all((const uint8_t[]){1, 0, 1}, (const uint8_t[]){0, 1});
    assert_int_equal(remove(scratch_path(&scratch, "set/t10k-labels-idx1-ubyte")), 0);
    assert_string_equal(found(), "has 3 of the four IDX files of an MNIST-like set: "
                                 "t10k-labels-idx1-ubyte is missing");
    make("t10k-labels-idx1-ubyte", 3, 0, (const uint8_t[]){0, 1, 1});
    assert_string_equal(found(),
                        "t10k-images-idx3-ubyte has 2 images, but there are 3 labels beside it");
    make("t10k-labels-idx1-ubyte", 2, 0, (const uint8_t[]){0, 1});
    make("t10k-images-idx3-ubyte", 2, 3, NULL);
    assert_string_equal(found(), "t10k-images-idx3-ubyte has images of 3 x 3 pixels, want 2 x 2 as "
                                 "in train-images-idx3-ubyte.gz");
    file_make(scratch_path(&scratch, "set/t10k-images-idx3-ubyte"), "\0\0\x08\x03\0\0\0\2", 8);
    assert_string_equal(found(), "t10k-images-idx3-ubyte is cut off: 8 of the 16 bytes of its "
                                 "header are missing");
    make_all((const uint8_t[]){0, 0, 0}, (const uint8_t[]){0, 0});
    assert_string_equal(found(), "has labels of one class; at least two are needed");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pictures_are_numbered_in_their_file, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(archives_and_other_names_do_as_well, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(contradictions_are_refused, setup, scratch_teardown),
    };
    return RUN_TESTS(tests);
}
