/* tests/server/data/intake/layout/test_layout.c -- folders of classes, with and without a split,
 * and what is said where there is neither. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/data/intake/layout/layout.h"
#include "tests/server/data/intake/source/archives.h"

#include "tests/check.h"

#include "tests/server/data/intake/layout/layout_text.h"
#include "tests/server/data/intake/scratch_case.h"

#define FOUND(...)                                                                                 \
    layout_text(&scratch, (const char *[]){__VA_ARGS__}, COUNT(((const char *[]){__VA_ARGS__})))

static void a_folder_per_class(void **state)
{
    (void)state;
    assert_string_equal(FOUND("dogs/1.jpg", "cats/2.jpg", "cats/deep/1.png", "Zebra/a"),
                        "class_folders: Zebra cats dogs\n"
                        "Zebra/a: Zebra\ncats/2.jpg: cats\ncats/deep/1.png: cats\n"
                        "dogs/1.jpg: dogs\n");
}

static void files_beside_the_classes_are_left_out(void **state)
{
    (void)state;
    assert_string_equal(FOUND("dogs/1.jpg", "cats/2.jpg", "loose.jpg", "README.txt"),
                        "class_folders: cats dogs\ncats/2.jpg: cats\ndogs/1.jpg: dogs\n"
                        "README.txt: outside_layout: it is not in the folder of a class\n"
                        "loose.jpg: outside_layout: it is not in the folder of a class\n");
}

static void folders_that_wrap_everything_are_skipped(void **state)
{
    (void)state;
    assert_string_equal(FOUND("a/b/dogs/1.jpg", "a/b/cats/2.jpg", "a/LICENSE"),
                        "class_folders: cats dogs\na/b/cats/2.jpg: cats\na/b/dogs/1.jpg: dogs\n"
                        "a/LICENSE: outside_layout: it is not in the folder of a class\n");
    // Only training: its classes without a split.
    assert_string_equal(FOUND("train/dogs/1.jpg", "train/cats/2.jpg"),
                        "class_folders: cats dogs\ntrain/cats/2.jpg: cats\ntrain/dogs/1.jpg: "
                        "dogs\n");
    // A picture beside it: it wraps not everything, and is a class.
    assert_string_equal(FOUND("a/dogs/1.jpg", "a/cats/2.jpg", "1.jpg"),
                        "has one class, \"a\", with 2 files; at least two are needed");
}

static void empty_folders_are_no_classes(void **state)
{
    (void)state;
    assert_string_equal(FOUND("dogs/1.jpg", "cats/2.jpg", "birds/", "birds/small/"),
                        "class_folders: cats dogs\ncats/2.jpg: cats\ndogs/1.jpg: dogs\n"
                        "! empty_class: class \"birds\" has no files: it is no class of the set\n");
}

/* A folder that may not be read has files, for all that is known. */
static void folders_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    const bool is_root = geteuid() == 0;
    const char *const FILES[] = {"set/birds/1.jpg", "set/cats/1.jpg", "set/dogs/1.jpg"};
    for (size_t i = 0; i < COUNT(FILES); i++)
        text_make(scratch.path, FILES[i], "x");
    assert_int_equal(chmod(scratch.path, 0755), 0);
    for (int closed = 1; closed <= 2; closed++) {
        assert_int_equal(chmod(scratch_path(&scratch, "set/birds"), 0), 0);
        assert_int_equal(chmod(scratch_path(&scratch, "set/cats"), closed == 2 ? 0 : 0755), 0);
        if (is_root)
            assert_int_equal(seteuid(65534), 0);
        const char *text = layout_text_of(scratch_path(&scratch, "set"));
        if (is_root)
            assert_int_equal(seteuid(0), 0);
        if (closed == 1)
            assert_non_null(strstr(text, "! empty_class: class \"birds\" has no files that can be "
                                         "read: it is no class of the set\n"));
        else
            assert_string_equal(text,
                                "has one class, \"dogs\", with 1 files; at least two are needed; "
                                "birds: it cannot be read: Permission denied");
    }
    assert_int_equal(chmod(scratch_path(&scratch, "set/birds"), 0755), 0);
    assert_int_equal(chmod(scratch_path(&scratch, "set/cats"), 0755), 0);
}

static void names_that_differ_in_case_are_two_classes(void **state)
{
    (void)state;
    assert_string_equal(FOUND("Cats/1.jpg", "cats/2.jpg", "dogs/1.jpg"),
                        "class_folders: Cats cats dogs\nCats/1.jpg: Cats\ncats/2.jpg: cats\n"
                        "dogs/1.jpg: dogs\n! classes_differ_in_case: classes \"Cats\" and \"cats\" "
                        "differ only in case: they are two\n");
}

static void names_that_differ_in_blanks_are_two_classes(void **state)
{
    (void)state;
    assert_string_equal(FOUND("cat/1.jpg", "cat /2.jpg", "a  b/1.jpg", "a b/1.jpg"),
                        "class_folders: a  b a b cat cat \na  b/1.jpg: a  b\na b/1.jpg: a b\n"
                        "cat /2.jpg: cat \ncat/1.jpg: cat\n"
                        "! classes_differ_in_blanks: classes \"a  b\" and \"a b\" differ only in "
                        "blanks: they are two\n"
                        "! classes_differ_in_blanks: classes \"cat\" and \"cat \" differ only in "
                        "blanks: they are two\n");
}

static void one_class_is_refused(void **state)
{
    (void)state;
    assert_string_equal(FOUND("cats/1.jpg", "cats/2.jpg"),
                        "has one class, \"cats\", with 2 files; at least two are needed");
}

static void train_and_test(void **state)
{
    (void)state;
    static const char *const TESTS[] = {"test", "val", "Valid", "validation", "Testing"};
    for (size_t i = 0; i < COUNT(TESTS); i++) {
        char a[40], b[40], want[400];
        snprintf(a, sizeof a, "%s/cats/3.jpg", TESTS[i]);
        snprintf(b, sizeof b, "%s/dogs/4.jpg", TESTS[i]);
        const bool first = TESTS[i][0] < 'a';
        snprintf(want, sizeof want, "split_folders: cats dogs\n%s%s%s", first ? a : "",
                 first ? ": cats test\n" : "", first ? b : "");
        snprintf(want + strlen(want), sizeof want - strlen(want), "%s",
                 first ? ": dogs test\n" : "");
        // "test" sorts before "train", "val" behind it.
        const bool before = strcmp(TESTS[i], "test") == 0;
        if (before)
            snprintf(want + strlen(want), sizeof want - strlen(want),
                     "%s: cats test\n%s: dogs test\n", a, b);
        snprintf(want + strlen(want), sizeof want - strlen(want), "%s",
                 "train/cats/1.jpg: cats train\ntrain/dogs/2.jpg: dogs train\n");
        if (!first && !before)
            snprintf(want + strlen(want), sizeof want - strlen(want),
                     "%s: cats test\n%s: dogs test\n", a, b);
        assert_string_equal(FOUND("train/cats/1.jpg", "train/dogs/2.jpg", a, b), want);
    }
}

static void of_test_and_validation_the_latter_trains(void **state)
{
    (void)state;
    assert_string_equal(
        FOUND("set/train/a/1", "set/train/b/1", "set/test/a/1", "set/test/b/1", "set/val/a/1",
              "set/val/b/1", "set/val/loose", "set/other/x"),
        "split_folders: a b\nset/test/a/1: a test\nset/test/b/1: b test\nset/train/a/1: a train\n"
        "set/train/b/1: b train\nset/val/a/1: a train\nset/val/b/1: b train\n"
        "set/other/x: outside_layout: it is neither in train nor in test\n"
        "set/val/loose: outside_layout: it is not in the folder of a class\n"
        "! validation_joins_training: 2 files for validation are for training: the set has files "
        "for testing, and each training holds out a validation split of its own\n");
}

static void a_test_folder_without_classes_is_no_split(void **state)
{
    (void)state;
    assert_string_equal(FOUND("train/a/1", "train/b/1", "test/1.jpg"),
                        "split_folders: a b\ntrain/a/1: a\ntrain/b/1: b\n"
                        "test/1.jpg: outside_layout: it is not in the folder of a class\n"
                        "! one_sided_split: all files are for training: the split is drawn as if "
                        "none were given\n");
}

#define EXPECTED                                                                                   \
    "expected is a folder per class, train/ and test/ (or val/) with a folder per class, a CSV "   \
    "table with the columns file and label, or the four IDX files of an MNIST-like set"

static void an_unknown_layout_says_what_was_found(void **state)
{
    (void)state;
    assert_string_equal(FOUND("b.jpg", "a.jpg", "c.png", "LICENSE", "d.gif", "e.jpg"),
                        "has 6 files (3 .jpg, 1 without ending, 1 .gif, 1 other), first LICENSE, "
                        "a.jpg, b.jpg; " EXPECTED);
    assert_string_equal(FOUND("train/1.jpg", "test/2.jpg"),
                        "has 2 files (2 .jpg), first test/2.jpg, train/1.jpg; train has no folders "
                        "of classes in it; " EXPECTED);
    assert_string_equal(FOUND("empty/"), "has no files that could be pictures; " EXPECTED);
    // Classes may be called anything, as long as there are others.
    assert_string_equal(FOUND("train/1.jpg", "test/2.jpg", "bus/1.jpg"),
                        "class_folders: bus test train\nbus/1.jpg: bus\ntest/2.jpg: test\n"
                        "train/1.jpg: train\n");
}

static void many_classes(void **state)
{
    (void)state;
    enum { TOO_MANY = LAYOUT_MAX_CLASSES + 1 };
    Piece *pieces = xcalloc(TOO_MANY, sizeof *pieces);
    for (int i = 0; i < TOO_MANY; i++)
        pieces[i] = (Piece){xasprintf("%05d/1.jpg", i), "x", PIECE_FILE};
    for (int more = 0; more < 2; more++) {
        archive_make(scratch_path(&scratch, "a"), "zip", pieces, LAYOUT_MAX_CLASSES + (size_t)more);
        Source *s;
        Error err = {0};
        Layout layout;
        CHECK_OK(source_open(scratch_path(&scratch, "a"), &(SourceOptions){0}, &s, &err), err);
        if (more) {
            assert_false(layout_find(s, &layout, &err));
            assert_non_null(strstr(err.message, "has 65536 classes; at most 65535 are accepted"));
        } else {
            CHECK_OK(layout_find(s, &layout, &err), err);
            assert_int_equal(layout.class_count, LAYOUT_MAX_CLASSES);
            assert_int_equal(layout.items[65534].label, 65534);
        }
        layout_clear(&layout);
        source_free(s);
    }
    for (int i = 0; i < TOO_MANY; i++)
        free((char *)pieces[i].path);
    free(pieces);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_CASE(a_folder_per_class),
        SCRATCH_CASE(files_beside_the_classes_are_left_out),
        SCRATCH_CASE(folders_that_wrap_everything_are_skipped),
        SCRATCH_CASE(empty_folders_are_no_classes),
        SCRATCH_CASE(folders_that_cannot_be_read_are_named),
        SCRATCH_CASE(names_that_differ_in_case_are_two_classes),
        SCRATCH_CASE(names_that_differ_in_blanks_are_two_classes),
        SCRATCH_CASE(one_class_is_refused),
        SCRATCH_CASE(train_and_test),
        SCRATCH_CASE(of_test_and_validation_the_latter_trains),
        SCRATCH_CASE(a_test_folder_without_classes_is_no_split),
        SCRATCH_CASE(an_unknown_layout_says_what_was_found),
        SCRATCH_CASE(many_classes),
    };
    return RUN_TESTS(tests);
}
