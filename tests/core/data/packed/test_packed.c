/* tests/core/data/packed/test_packed.c -- packed sets: what is written is read, whatever is in the
 * way. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/core/data/packed/packed_fixture.h"

#include "tests/check.h"

static void check_split(const Split *split, PackedSplit which, int count)
{
    assert_int_equal(split->count, count);
    for (int p = 0; p < count; p++) {
        assert_int_equal(split->labels[p], packed_label(which, p));
        for (int i = 0; i < PACKED_BYTES; i++)
            assert_int_equal(split->pixels[(size_t)p * PACKED_BYTES + (size_t)i],
                             packed_pixel(which, p, i));
    }
}

static void check_set(const char *folder, int train, int test)
{
    Error err = {0};
    Dataset *d;
    CHECK_OK(dataset_open(folder, NULL, &d, &err), err);
    assert_string_equal(d->name, folder);
    assert_true(shape_equal(d->image, PACKED_INFO.image));
    assert_int_equal(d->classes, PACKED_CLASSES);
    for (int i = 0; i < PACKED_CLASSES; i++)
        assert_string_equal(d->class_names[i], PACKED_INFO.class_names[i]);
    check_split(&d->train, PACKED_TRAIN, train);
    check_split(&d->test, PACKED_TEST, test);
    CHECK_OK(dataset_intact(d, &err), err);
    dataset_free(d);
}

/* Pictures that end within, at and beyond the writer's buffer of a megabyte. */
static void what_is_written_is_read(void **state)
{
    (void)state;
    static const int COUNTS[][2] = {{1, 0}, {1, 1}, {9987, 3}, {20000, 10001}};
    for (size_t i = 0; i < COUNT(COUNTS); i++) {
        const PackedPlace place = packed_place();
        Error err = {0};
        char digest[PACKED_DIGEST];
        CHECK_OK(packed_make(place.folder, COUNTS[i][0], COUNTS[i][1], digest, &err), err);
        assert_int_equal(packed_place_entries(&place), 1);
        CHECK_OK(dataset_present(place.folder, NULL, &err), err);
        check_set(place.folder, COUNTS[i][0], COUNTS[i][1]);
        CHECK_OK(packed_verify(place.folder, NULL, NULL, &err), err);
        PackedIndex *x;
        CHECK_OK(packed_read_index(place.folder, &x, &err), err);
        assert_string_equal(x->digest, digest);
        assert_int_equal(x->counts[PACKED_TRAIN], COUNTS[i][0]);
        assert_int_equal(x->counts[PACKED_TEST], COUNTS[i][1]);
        assert_string_equal(packed_note(x, "fit"), "crop");
        assert_string_equal(packed_note(x, "made_by"), PACKED_INFO.notes[1].value);
        assert_null(packed_note(x, "filter"));
        packed_index_free(x);
        packed_place_remove(&place);
    }
}

static void the_digest_names_the_contents(void **state)
{
    (void)state;
    const PackedPlace place = packed_place();
    Error err = {0};
    char digests[4][PACKED_DIGEST], *folder = xasprintf("%s/other", place.parent);
    CHECK_OK(packed_make(place.folder, 30, 10, digests[0], &err), err);
    CHECK_OK(packed_make(folder, 30, 10, digests[1], &err), err);
    assert_string_equal(digests[0], digests[1]);
    const char *const changed_names[] = {"T-shirt", "b", "c", "d", "e", "f"};
    PackedInfo infos[] = {PACKED_INFO, PACKED_INFO};
    infos[0].note_count = 1;
    infos[1].class_names = changed_names;
    for (int i = 0; i < 2; i++) {
        char *other = xasprintf("%s/%d", place.parent, i);
        PackedWriter *w;
        CHECK_OK(packed_create(other, &infos[i], &w, &err), err);
        CHECK_OK(packed_add_pictures(w, PACKED_TRAIN, 0, 30, &err), err);
        CHECK_OK(packed_add_pictures(w, PACKED_TEST, 0, 10, &err), err);
        CHECK_OK(packed_finish(w, digests[2 + i], &err), err);
        free(other);
    }
    assert_string_equal(digests[0], digests[2]);  // not how they were made
    assert_string_not_equal(digests[0], digests[3]);
    free(folder);
    packed_place_remove(&place);
}

static void nothing_is_there_before_the_end(void **state)
{
    (void)state;
    const PackedPlace place = packed_place();
    Error err = {0};
    PackedWriter *w;
    CHECK_OK(packed_create(place.folder, &PACKED_INFO, &w, &err), err);
    CHECK_OK(packed_add_pictures(w, PACKED_TRAIN, 0, 20000, &err), err);
    assert_int_equal(access(place.folder, F_OK), -1);
    packed_abandon(w);
    assert_int_equal(packed_place_entries(&place), 0);
    CHECK_OK(packed_create(place.folder, &PACKED_INFO, &w, &err), err);
    CHECK_OK(packed_add_pictures(w, PACKED_TEST, 0, 5, &err), err);
    char *message = xasprintf("no picture of %s is for training", place.folder);
    CHECK_REFUSED(packed_finish(w, NULL, &err), err, ERR_INVALID, message);
    assert_int_equal(packed_place_entries(&place), 0);
    free(message);
    packed_abandon(NULL);
    packed_place_remove(&place);
}

static void what_is_there_is_left_alone(void **state)
{
    (void)state;
    const PackedPlace place = packed_place();
    Error err = {0};
    PackedWriter *w, *late;
    CHECK_OK(packed_create(place.folder, &PACKED_INFO, &late, &err), err);
    CHECK_OK(packed_add_pictures(late, PACKED_TRAIN, 3, 5, &err), err);
    char *slash = xasprintf("%s//", place.folder);
    CHECK_OK(packed_make(slash, 4, 2, NULL, &err), err);
    char *message = xasprintf("%s is there already", place.folder);
    CHECK_REFUSED(packed_create(place.folder, &PACKED_INFO, &w, &err), err, ERR_CONFLICT, message);
    assert_false(packed_finish(late, NULL, &err));
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_int_equal(packed_place_entries(&place), 1);
    check_set(place.folder, 4, 2);
    free(message);
    free(slash);
    packed_place_remove(&place);
}

/* A writer's temporary folder is locked while it lives. */
static void the_next_writer_clears_up_after_a_dead_one(void **state)
{
    (void)state;
    const PackedPlace place = packed_place();
    Error err = {0};
    PackedWriter *living;
    char *dead = xasprintf("%s.tmp-0123456789ab", place.folder);
    char *file = xasprintf("%s/train.pixels", dead);
    char *other = xasprintf("%s/mine", place.parent);
    assert_int_equal(mkdir(dead, 0777) | mkdir(other, 0777), 0);
    const int fd = open(file, O_CREAT | O_WRONLY, 0666);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    CHECK_OK(packed_create(place.folder, &PACKED_INFO, &living, &err), err);
    CHECK_OK(packed_add_pictures(living, PACKED_TRAIN, 0, 2, &err), err);
    assert_int_equal(access(dead, F_OK), -1);
    CHECK_OK(packed_make(place.folder, 4, 2, NULL, &err), err);
    assert_int_equal(packed_place_entries(&place), 3);  // the set, `mine` and what lives
    packed_abandon(living);
    assert_int_equal(packed_place_entries(&place), 2);
    free(dead);
    free(file);
    free(other);
    packed_place_remove(&place);
}

static void put_beside(const char *folder, const char *text)
{
    char *path = xasprintf("%s/report.json", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    free(path);
}

static void files_beside_come_and_go_with_the_set(void **state)
{
    (void)state;
    const PackedPlace place = packed_place();
    Error err = {0};
    PackedWriter *w;
    char text[8] = "", *path = xasprintf("%s/report.json", place.folder);
    CHECK_OK(packed_create(place.folder, &PACKED_INFO, &w, &err), err);
    put_beside(packed_folder(w), "given up");
    packed_abandon(w);
    assert_int_equal(packed_place_entries(&place), 0);
    CHECK_OK(packed_create(place.folder, &PACKED_INFO, &w, &err), err);
    CHECK_OK(packed_add_pictures(w, PACKED_TRAIN, 0, 3, &err), err);
    put_beside(packed_folder(w), "kept");
    CHECK_OK(packed_finish(w, NULL, &err), err);
    check_set(place.folder, 3, 0);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fread(text, 1, sizeof text, f), 4);
    fclose(f);
    assert_string_equal(text, "kept");
    free(path);
    packed_place_remove(&place);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    static const char *const TWICE[] = {"a", "b", "a"}, *const EMPTY[] = {"a", ""},
                             *const LATIN[] = {"caf\xe9s"};
    static const PackedNote KEY[] = {{"Fit", "crop"}}, SAME[] = {{"a", ""}, {"a", "b"}};
    const struct {
        PackedInfo info;
        const char *message;
    } CASES[] = {
        {{{0, 5, 7}, 2, TWICE, NULL, 0}, "the pictures of a set must have 1 to 4 channels, got 0"},
        {{{3, 4097, 7}, 2, TWICE, NULL, 0},
         "the sides of a set's pictures must be 1 to 4096 pixels, got 4097 x 7"},
        {{{3, 5, 7}, 0, TWICE, NULL, 0}, "a set must have 1 to 65535 classes, got 0"},
        {{{3, 5, 7}, 65536, TWICE, NULL, 0}, "a set must have 1 to 65535 classes, got 65536"},
        {{{3, 5, 7}, 3, TWICE, NULL, 0}, "two classes are called a"},
        {{{3, 5, 7}, 2, EMPTY, NULL, 0}, "the name of class 1 is empty"},
        {{{3, 5, 7}, 1, LATIN, NULL, 0}, "a class name is not UTF-8: caf?s"},
        {{{3, 5, 7}, 2, TWICE, KEY, 1}, "a note's key must be a word of a to z, 0 to 9 and _: Fit"},
        {{{3, 5, 7}, 2, TWICE, SAME, 2}, "two notes are called a"},
        {{{3, 5, 7}, 2, TWICE, SAME, 101}, "a set must have 0 to 100 notes, got 101"},
    };
    const PackedPlace place = packed_place();
    Error err;
    PackedWriter *w;
    for (size_t i = 0; i < COUNT(CASES); i++)
        CHECK_REFUSED(packed_create(place.folder, &CASES[i].info, &w, &err), err, ERR_INVALID,
                      CASES[i].message);
    const uint8_t pixels[PACKED_BYTES] = {0};
    CHECK_OK(packed_create(place.folder, &PACKED_INFO, &w, &err), err);
    CHECK_REFUSED(packed_add(w, PACKED_TRAIN, 6, pixels, &err), err, ERR_INVALID,
                  "label 6 is outside the 6 classes");
    CHECK_REFUSED(packed_add(w, PACKED_TRAIN, -1, pixels, &err), err, ERR_INVALID,
                  "label -1 is outside the 6 classes");
    packed_abandon(w);
    assert_int_equal(packed_place_entries(&place), 0);
    char *nowhere = xasprintf("%s/no/set", place.parent);
    assert_false(packed_create(nowhere, &PACKED_INFO, &w, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    free(nowhere);
    packed_place_remove(&place);
}

static void as_many_classes_as_labels_tell_apart(void **state)
{
    (void)state;
    const PackedPlace place = packed_place();
    Error err = {0};
    char **names = xcalloc(PACKED_MAX_CLASSES, sizeof *names);
    for (int i = 0; i < PACKED_MAX_CLASSES; i++)
        names[i] = xasprintf("class %d", i);
    const PackedInfo info = {{1, 1, 1}, PACKED_MAX_CLASSES, (const char *const *)names, NULL, 0};
    PackedWriter *w;
    CHECK_OK(packed_create(place.folder, &info, &w, &err), err);
    for (int i = 0; i < PACKED_MAX_CLASSES; i++)
        CHECK_OK(packed_add(w, PACKED_TRAIN, i, (uint8_t[]){(uint8_t)i}, &err), err);
    CHECK_OK(packed_finish(w, NULL, &err), err);
    Dataset *d;
    CHECK_OK(packed_open(place.folder, &d, &err), err);
    assert_int_equal(d->classes, 65535);
    assert_int_equal(d->train.labels[65534], 65534);
    assert_string_equal(d->class_names[65534], "class 65534");
    int64_t *counts = xcalloc(PACKED_MAX_CLASSES, sizeof *counts);
    split_count_classes(&d->train, NULL, d->train.count, d->classes, counts);
    for (int i = 0; i < PACKED_MAX_CLASSES; i++)
        assert_int_equal(counts[i], 1);
    split_count_classes(&d->train, (int32_t[]){7, 9, 7}, 3, d->classes, counts);
    assert_int_equal(counts[7], 2);
    assert_int_equal(counts[8], 0);
    free(counts);
    dataset_free(d);
    for (int i = 0; i < PACKED_MAX_CLASSES; i++)
        free(names[i]);
    free(names);
    packed_place_remove(&place);
}

/* ---- Damage ---- */

static int open_file(const PackedPlace *place, const char *name)
{
    char *path = xasprintf("%s/%s", place->folder, name);
    const int fd = open(path, O_RDWR);
    free(path);
    assert_true(fd >= 0);
    return fd;
}

/* `want` follows the folder's name in the message. */
static void check_refused(const PackedPlace *place, ErrorCode code, const char *want)
{
    Error err;
    Dataset *d;
    char *message = xasprintf("%s/%s", place->folder, want);
    CHECK_REFUSED(dataset_open(place->folder, NULL, &d, &err), err, code, message);
    CHECK_REFUSED(packed_verify(place->folder, NULL, NULL, &err), err, code, message);
    free(message);
}

static void files_of_another_size_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        long change;
        const char *message;
    } CASES[] = {
        {"train.pixels", -1, "train.pixels has 1049 bytes, it should have 1050"},
        {"test.pixels", 1, "test.pixels has 526 bytes, it should have 525"},
        {"train.labels", 1, "train.labels has 21 bytes, at most 20 are accepted"},
        {"test.labels", -10, "test.labels has 0 bytes, it should have 10"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const PackedPlace place = packed_place();
        Error err = {0};
        CHECK_OK(packed_make(place.folder, 10, 5, NULL, &err), err);
        const int fd = open_file(&place, CASES[i].name);
        assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) + CASES[i].change), 0);
        close(fd);
        check_refused(&place, ERR_DAMAGED, CASES[i].message);
        packed_place_remove(&place);
    }
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    for (PackedFile i = 0; i < PACKED_FILES; i++) {
        const PackedPlace place = packed_place();
        Error err = {0};
        CHECK_OK(packed_make(place.folder, 10, 5, NULL, &err), err);
        char *path = xasprintf("%s/%s", place.folder, PACKED_FILE_NAMES[i]);
        char *message = xasprintf("%s is missing", path);
        unlink(path);
        CHECK_REFUSED(dataset_present(place.folder, NULL, &err), err, ERR_NOT_FOUND, message);
        Dataset *d;
        assert_false(dataset_open(place.folder, NULL, &d, &err));
        assert_int_equal(err.code, ERR_NOT_FOUND);
        assert_non_null(strstr(err.message, path));
        free(message);
        free(path);
        packed_place_remove(&place);
    }
}

/* It is not taken for a set of MNIST's family, unless it has the files of one too. */
static void a_missing_index_is_named(void **state)
{
    (void)state;
    static const char MNIST[] = "t10k-labels-idx1-ubyte";
    const PackedPlace place = packed_place();
    Error err = {0};
    Dataset *d;
    CHECK_OK(packed_make(place.folder, 10, 5, NULL, &err), err);
    char *index = xasprintf("%s/%s", place.folder, PACKED_INDEX_NAME);
    char *present = xasprintf("%s is missing", index);
    char *other = xasprintf("%s/%s", place.folder, MNIST);
    unlink(index);
    CHECK_REFUSED(dataset_present(place.folder, NULL, &err), err, ERR_NOT_FOUND, present);
    assert_false(dataset_open(place.folder, NULL, &d, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, index));
    close(creat(other, 0600));
    assert_false(dataset_present(place.folder, NULL, &err));
    assert_non_null(strstr(err.message, "/train-images-idx3-ubyte is missing"));
    free(index);
    free(present);
    free(other);
    packed_place_remove(&place);
}

static bool count_calls(void *context)
{
    return --*(int *)context >= 0;
}

/* One bit of each file in turn: labels may be caught by their range, all by their checksum. */
static void a_changed_bit_is_found(void **state)
{
    (void)state;
    for (PackedFile i = 0; i < PACKED_FILES; i++) {
        const PackedPlace place = packed_place();
        Error err = {0};
        CHECK_OK(packed_make(place.folder, 10, 5, NULL, &err), err);
        const int fd = open_file(&place, PACKED_FILE_NAMES[i]);
        uint8_t byte;
        assert_int_equal(pread(fd, &byte, 1, 4), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, 4), 1);
        close(fd);
        char *message = xasprintf("%s/%s has been changed: its checksum is another", place.folder,
                                  PACKED_FILE_NAMES[i]);
        CHECK_REFUSED(packed_verify(place.folder, NULL, NULL, &err), err, ERR_DAMAGED, message);
        free(message);
        packed_place_remove(&place);
    }
    const PackedPlace place = packed_place();
    Error err = {0};
    CHECK_OK(packed_make(place.folder, 10, 5, NULL, &err), err);
    int calls = 2;
    assert_false(packed_verify(place.folder, count_calls, &calls, &err));
    assert_int_equal(err.code, ERR_STOPPED);
    packed_place_remove(&place);
}

static void a_label_beyond_the_classes_is_refused(void **state)
{
    (void)state;
    const PackedPlace place = packed_place();
    Error err = {0};
    CHECK_OK(packed_make(place.folder, 10, 5, NULL, &err), err);
    const int fd = open_file(&place, "test.labels");
    assert_int_equal(pwrite(fd, "\x00\x01", 2, 6), 2);
    close(fd);
    check_refused(&place, ERR_DAMAGED,
                  "test.labels: label 256 of example 3 is outside the 6 classes");
    packed_place_remove(&place);
}

/* The first of its pages is gone when a training reads it. */
static void a_file_that_shrinks_kills_nobody(void **state)
{
    (void)state;
    const PackedPlace place = packed_place();
    Error err = {0};
    CHECK_OK(packed_make(place.folder, 2000, 200, NULL, &err), err);
    Dataset *d, *other;
    CHECK_OK(dataset_open(place.folder, NULL, &d, &err), err);
    CHECK_OK(dataset_open(place.folder, NULL, &other, &err), err);
    const size_t bytes = 2000 * (size_t)PACKED_BYTES;
    const int fd = open_file(&place, "train.pixels");
    assert_int_equal(ftruncate(fd, (off_t)bytes / 2), 0);
    close(fd);
    char *changed = xasprintf("%s/train.pixels was changed while it was in use", place.folder);
    CHECK_REFUSED(dataset_intact(d, &err), err, ERR_DAMAGED, changed);
    uint64_t sum = 0;
    for (size_t i = bytes / 2 + 4096; i < bytes; i++)
        sum += d->train.pixels[i];
    assert_int_equal(sum, 0);
    char *gone = xasprintf(
        "%s/train.pixels could not be read: it was shortened, or the disk failed", place.folder);
    CHECK_REFUSED(dataset_intact(d, &err), err, ERR_DAMAGED, gone);
    CHECK_REFUSED(dataset_intact(other, &err), err, ERR_DAMAGED, changed);
    check_split(&d->test, PACKED_TEST, 200);
    free(changed);
    free(gone);
    dataset_free(d);
    dataset_free(other);
    packed_place_remove(&place);
}

/* ---- The index ---- */

static void an_index_of_another_kind_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *old, *new, *message;
    } CASES[] = {
        {"googlenetd packed set 1", "something", "set.index is not the index of a packed set"},
        {"set 1\n", "set 2\n", "set.index is of another format than this version reads"},
        {"image 3", "image 3.0",
         "set.index: line 2 should be \"image\" with channels, height and width"},
        {"image 3 5 7", "image 3 5 07",
         "set.index: line 2 should be \"image\" with channels, height and width"},
        {"image 3 5 7", "image 3 5 99999999999",
         "set.index: line 2 should be \"image\" with channels, height and width"},
        {"image 3", "image 5", "set.index: the pictures of a set must have 1 to 4 channels, got 5"},
        {"note fit crop", "note fit",
         "set.index: line 3 should be \"note\" with a key and a value"},
        {"note fit crop", "note made_by me", "set.index: two notes are called made_by"},
        {"class T-shirt", "class T\\shirt", "set.index: line 5 should be \"class\" with a name"},
        {"class T-shirt", "class T\\x41shirt", "set.index: line 5 should be \"class\" with a name"},
        {"class T-shirt", "class T\\x00shirt", "set.index: line 5 should be \"class\" with a name"},
        {"class T-shirt", "class T\tshirt", "set.index: line 5 should be \"class\" with a name"},
        {"class T-shirt/top\n", "class \n", "set.index: the name of class 0 is empty"},
        {"class a\n", "class A\n", "set.index: two classes are called A"},
        {"class a\n", "class caf\xe9 \n", "set.index: a class name is not UTF-8: caf? "},
        {"train 10", "train -10",
         "set.index: line 11 should be the number of training pictures, then that of test "
         "pictures"},
        {"sha256 train.labels", "sha256 train.label",
         "set.index: line 14 should be the sha256 of a file"},
        {"test.labels ", "test.labels 0", "set.index: line 16 should be the sha256 of a file"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const PackedPlace place = packed_place();
        Error err = {0};
        CHECK_OK(packed_make(place.folder, 10, 5, NULL, &err), err);
        packed_edit(place.folder, CASES[i].old, CASES[i].new);
        check_refused(&place, ERR_DAMAGED, CASES[i].message);
        packed_place_remove(&place);
    }
}

static void an_index_that_was_touched_is_refused(void **state)
{
    (void)state;
    const PackedPlace place = packed_place();
    Error err = {0};
    CHECK_OK(packed_make(place.folder, 10, 5, NULL, &err), err);
    char *path = xasprintf("%s/" PACKED_INDEX_NAME, place.folder);
    char *changed = xasprintf("%s is cut off or has been changed: its checksum is another", path);
    char *other = xasprintf("%s is not the index of a packed set", path);
    const int fd = open_file(&place, PACKED_INDEX_NAME);
    const off_t size = lseek(fd, 0, SEEK_END);
    char *text = xcalloc((size_t)size, 1);
    assert_int_equal(pread(fd, text, (size_t)size, 0), size);
    PackedIndex *x;
    for (off_t cut = 0; cut < size; cut++)
        CHECK_REFUSED(packed_index_parse(path, text, (size_t)cut, &x, &err), err, ERR_DAMAGED,
                      cut < 24 ? other : changed);
    for (off_t i = 24; i < size; i++) {
        text[i] ^= 1;
        CHECK_REFUSED(packed_index_parse(path, text, (size_t)size, &x, &err), err, ERR_DAMAGED,
                      changed);
        text[i] ^= 1;
    }
    CHECK_OK(packed_index_parse(path, text, (size_t)size, &x, &err), err);
    packed_index_free(x);
    free(text);
    free(path);
    free(changed);
    free(other);
    close(fd);
    packed_place_remove(&place);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_digest_names_the_contents),
        cmocka_unit_test(nothing_is_there_before_the_end),
        cmocka_unit_test(what_is_there_is_left_alone),
        cmocka_unit_test(the_next_writer_clears_up_after_a_dead_one),
        cmocka_unit_test(files_beside_come_and_go_with_the_set),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(as_many_classes_as_labels_tell_apart),
        cmocka_unit_test(files_of_another_size_are_refused),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(a_missing_index_is_named),
        cmocka_unit_test(a_changed_bit_is_found),
        cmocka_unit_test(a_label_beyond_the_classes_is_refused),
        cmocka_unit_test(a_file_that_shrinks_kills_nobody),
        cmocka_unit_test(an_index_of_another_kind_is_refused),
        cmocka_unit_test(an_index_that_was_touched_is_refused),
    };
    return RUN_TESTS(tests);
}
