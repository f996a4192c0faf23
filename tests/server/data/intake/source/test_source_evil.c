/* tests/server/data/intake/source/test_source_evil.c -- archives that are damaged, cut off,
 * encrypted or bombs are refused with a sentence, at the latest before the end of a pass. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

#include "server/data/intake/source/source.h"
#include "tests/server/data/intake/source/archives.h"

#include "tests/check.h"

#include "tests/server/data/intake/listed.h"
#include "tests/server/data/intake/scratch_case.h"

/* The message of what refuses the file `name`: to list it, or in a pass; "" if nothing does. */
static const char *refusal(const char *name, const IntakeLimits *limits)
{
    static Error err;
    err = (Error){0};
    Source *source;
    SourceFile file;
    if (!source_open(scratch_path(&scratch, name), &(SourceOptions){.limits = limits}, &source,
                     &err)) {
        assert_null(source);
        assert_int_not_equal(err.code, ERR_NONE);
        return err.message;
    }
    SourceStep step = SOURCE_FAILED;
    if (source_begin(source, NULL, &err))
        while ((step = source_next(source, &file, &err)) == SOURCE_FILE)
            ;
    assert_int_equal(step, err.code == ERR_NONE ? SOURCE_END : SOURCE_FAILED);
    source_free(source);
    return err.message;
}

#define CHECK_SAYS(message, words)                                                                 \
    do {                                                                                           \
        const char *check_message = (message);                                                     \
        if (!strstr(check_message, (words)))                                                       \
            fail_msg("\"%s\" does not say \"%s\"", check_message, (words));                        \
    } while (0)

static const Piece PIECES[] = {
    {"cats/1.jpg", "a picture of a cat, quite a long one, so that it has something to pack",
     PIECE_FILE},
    {"cats/2.jpg", "another picture of a cat", PIECE_FILE},
    {"dogs/1.jpg", "a dog", PIECE_FILE},
};

static void archives_that_are_cut_off_anywhere_are_refused(void **state)
{
    (void)state;
    static const char *const FORMATS[] = {"zip", "ustar", "pax.gz"};
    for (size_t f = 0; f < COUNT(FORMATS); f++) {
        archive_make(scratch_path(&scratch, "whole"), FORMATS[f], PIECES, COUNT(PIECES));
        assert_string_equal(refusal("whole", NULL), "");
        size_t size;
        uint8_t *bytes = file_bytes(scratch_path(&scratch, "whole"), &size);
        // A tar is padded with more zeros than it needs: what it needs ends after the first.
        size_t needed = size;
        while (strcmp(FORMATS[f], "ustar") == 0 && needed > 0 && bytes[needed - 1] == 0)
            needed--;
        const size_t step = size > 4096 ? 61 : 1;
        for (size_t cut = 0; cut < needed; cut += step) {
            file_make(scratch_path(&scratch, "cut"), bytes, cut);
            const char *message = refusal("cut", NULL);
            if (*message == '\0')
                fail_msg("%s cut off at %zu of %zu bytes is taken", FORMATS[f], cut, size);
        }
        free(bytes);
    }
}

static void a_cut_says_where(void **state)
{
    (void)state;
    size_t size;
    archive_make(scratch_path(&scratch, "a"), "ustar", PIECES, COUNT(PIECES));
    uint8_t *bytes = file_bytes(scratch_path(&scratch, "a"), &size);
    file_make(scratch_path(&scratch, "a"), bytes, 1024 + 512 + 10);
    CHECK_SAYS(refusal("a", NULL), "is damaged or cut off at entry 2, cats/2.jpg, byte ");
    // Between two entries: libarchive takes that for the end.
    file_make(scratch_path(&scratch, "a"), bytes, 2048);
    CHECK_SAYS(refusal("a", NULL),
               "is cut off after entry 2: the zeros at the end of a tar are missing");
    free(bytes);
    archive_make(scratch_path(&scratch, "a"), "zip", PIECES, COUNT(PIECES));
    bytes = file_bytes(scratch_path(&scratch, "a"), &size);
    file_make(scratch_path(&scratch, "a"), bytes, size - 10);
    CHECK_SAYS(refusal("a", NULL), "the list of files at its end cannot be read");
    free(bytes);
    archive_make(scratch_path(&scratch, "a"), "pax.gz", PIECES, COUNT(PIECES));
    bytes = file_bytes(scratch_path(&scratch, "a"), &size);
    file_make(scratch_path(&scratch, "a"), bytes, size - 3);
    CHECK_SAYS(refusal("a", NULL), "is cut off: its gzip data ends at byte ");
    free(bytes);
}

/* The end of a tar comes long before that of the gzip data. */
static void a_cut_behind_the_end_of_a_tar_is_seen(void **state)
{
    (void)state;
    size_t size;
    archive_make(scratch_path(&scratch, "a"), "ustar", PIECES, COUNT(PIECES));
    uint8_t *bytes = file_bytes(scratch_path(&scratch, "a"), &size);
    uint8_t *padded = xcalloc(size + (1 << 20), 1);
    memcpy(padded, bytes, size);
    free(bytes);
    const gzFile file = gzopen(scratch_path(&scratch, "a"), "wb");
    assert_int_equal(gzwrite(file, padded, (unsigned)size + (1 << 20)), size + (1 << 20));
    gzclose(file);
    free(padded);
    assert_string_equal(refusal("a", NULL), "");
    bytes = file_bytes(scratch_path(&scratch, "a"), &size);
    file_make(scratch_path(&scratch, "a"), bytes, size - 3);
    CHECK_SAYS(refusal("a", NULL), "is cut off: its gzip data ends at byte ");
    free(bytes);
}

static void wrong_bits_are_refused(void **state)
{
    (void)state;
    size_t size;
    archive_make(scratch_path(&scratch, "a"), "ustar.gz", PIECES, COUNT(PIECES));
    uint8_t *bytes = file_bytes(scratch_path(&scratch, "a"), &size);
    bytes[size - 6] ^= 1;  // gzip's checksum
    file_make(scratch_path(&scratch, "a"), bytes, size);
    CHECK_SAYS(refusal("a", NULL), "is damaged: its gzip data is wrong near byte ");
    free(bytes);
    archive_make(scratch_path(&scratch, "a"), "ustar", PIECES, COUNT(PIECES));
    bytes = file_bytes(scratch_path(&scratch, "a"), &size);
    bytes[1024 + 3] ^= 1;  // the second header
    file_make(scratch_path(&scratch, "a"), bytes, size);
    CHECK_SAYS(refusal("a", NULL), "is damaged or cut off at entry 1, cats/1.jpg");
    free(bytes);
    const ZipPiece pieces[] = {{.path = "1.jpg", .data = "one"},
                               {.path = "2.jpg", .data = "two", .crc_fault = 4}};
    zip_make(scratch_path(&scratch, "a"), pieces, COUNT(pieces));
    CHECK_SAYS(refusal("a", NULL), "is damaged or cut off at entry 2, 2.jpg");
}

static void sizes_that_lie_are_refused(void **state)
{
    (void)state;
    const ZipPiece longer[] = {{.path = "1.jpg", .data = "one", .claimed = 5}};
    zip_make(scratch_path(&scratch, "a"), longer, 1);
    CHECK_SAYS(refusal("a", NULL), "is damaged or cut off at entry 1, 1.jpg");
    const ZipPiece shorter[] = {{.path = "1.jpg", .data = "one", .claimed = 1}};
    zip_make(scratch_path(&scratch, "a"), shorter, 1);
    CHECK_SAYS(refusal("a", NULL), "is damaged or cut off at entry 1, 1.jpg");
}

static void encrypted_archives_are_refused(void **state)
{
    (void)state;
    const ZipPiece pieces[] = {{.path = "1.jpg", .data = "one"},
                               {.path = "2.jpg", .data = "0123456789abtwo", .flags = 1}};
    zip_make(scratch_path(&scratch, "a"), pieces, COUNT(pieces));
    CHECK_SAYS(refusal("a", NULL),
               "is encrypted (entry 2, 2.jpg): pack it again without a password");
    archive_make(scratch_path(&scratch, "a"), "encrypted", PIECES, COUNT(PIECES));
    CHECK_SAYS(refusal("a", NULL), "is encrypted (entry 1, cats/1.jpg)");
}

static void a_method_that_is_not_known_is_refused(void **state)
{
    (void)state;
    const ZipPiece pieces[] = {{.path = "1.jpg", .data = "one", .method = 77}};
    zip_make(scratch_path(&scratch, "a"), pieces, COUNT(pieces));
    CHECK_SAYS(refusal("a", NULL), "1.jpg");
}

static void bombs_are_refused(void **state)
{
    (void)state;
    IntakeLimits limits = intake_limits_default();
    limits.free_bytes = 1 << 20;
    char *zeros = xcalloc(5 << 20, 1);
    memset(zeros, '0', (5 << 20) - 1);
    const Piece bomb[] = {{"1.jpg", zeros, PIECE_FILE}, {"2.jpg", zeros, PIECE_FILE}};
    static const char *const FORMATS[] = {"zip", "ustar.gz"};
    for (size_t i = 0; i < COUNT(FORMATS); i++) {
        archive_make(scratch_path(&scratch, "bomb"), FORMATS[i], bomb, COUNT(bomb));
        CHECK_SAYS(refusal("bomb", &limits), "unpacks to ");
        // Small sets of flat pictures may pack as well as they can.
        assert_string_equal(refusal("bomb", NULL), "");
    }
    // Files that are left out expand the stream all the same.
    limits.entry_bytes = 1 << 20;
    CHECK_SAYS(refusal("bomb", &limits), "unpacks to more than ");
    free(zeros);
    // Holes cost an archive nothing.
    archive_make_sparse(scratch_path(&scratch, "bomb"), "hole.jpg", INT64_C(400) << 20, 0, "x");
    CHECK_SAYS(refusal("bomb", NULL), "unpacks to ");
}

static void limits_are_named(void **state)
{
    (void)state;
    archive_make(scratch_path(&scratch, "a"), "zip", PIECES, COUNT(PIECES));
    IntakeLimits limits = intake_limits_default();
    limits.entries = 2;
    CHECK_SAYS(refusal("a", &limits), "has more than the 2 entries that are accepted");
    limits.entries = 3;
    assert_string_equal(refusal("a", &limits), "");
    limits.total_bytes = 90;
    CHECK_SAYS(refusal("a", &limits), "has files of more than the 90 bytes that are accepted");
}

/* Refused when their names pass the limit by the one before the last of them. */
static void check_name_limit(const Piece *pieces, size_t count, int64_t bytes)
{
    archive_make(scratch_path(&scratch, "a"), "tar", pieces, count);
    IntakeLimits limits = intake_limits_default();
    limits.name_bytes = bytes;
    assert_string_equal(refusal("a", &limits), "");
    limits.name_bytes = bytes - 1;
    CHECK_SAYS(refusal("a", &limits), "has names of more than the ");
}

static void names_may_take_so_much_memory_and_no_more(void **state)
{
    (void)state;
    const Piece files[] = {{"c/1.jpg", "x", PIECE_FILE}, {"c/2.jpg", "x", PIECE_FILE}};
    check_name_limit(files, COUNT(files), 7);
    // Also of what is left out,
    const Piece systems[] = {{"c/.DS_Store", "x", PIECE_FILE}, {"c/2.jpg", "x", PIECE_FILE}};
    check_name_limit(systems, COUNT(systems), 11);
    // and names that are much longer than the paths that come of them.
    const Piece dots[] = {{"c/./././././1.jpg", "x", PIECE_FILE}, {"c/2.jpg", "x", PIECE_FILE}};
    check_name_limit(dots, COUNT(dots), 7 + 17);
}

static void one_file_beyond_a_limit_is_left_out(void **state)
{
    (void)state;
    const Piece pieces[] = {{"a/b/c/deep.jpg", "x", PIECE_FILE},
                            {"a/b/fits.jpg", "x", PIECE_FILE},
                            {"a/long_long_name.jpg", "x", PIECE_FILE},
                            {"a/large.jpg", "12345", PIECE_FILE}};
    IntakeLimits limits = intake_limits_default();
    limits.path_depth = 3;
    limits.path_bytes = 16;
    limits.entry_bytes = 4;
    static const char *const FORMATS[] = {"zip", "pax.gz"};
    for (size_t i = 0; i < COUNT(FORMATS); i++) {
        archive_make(scratch_path(&scratch, "a"), FORMATS[i], pieces, COUNT(pieces));
        Source *s;
        Error err = {0};
        CHECK_OK(
            source_open(scratch_path(&scratch, "a"), &(SourceOptions){.limits = &limits}, &s, &err),
            err);
        assert_string_equal(listed(s), "a/b/fits.jpg 1\na/b/c/deep.jpg: path_too_deep\n"
                                       "a/large.jpg: too_large\n"
                                       "a/long_long_name: path_too_long\n");
        assert_string_equal(source_listing(s)->left_out.items[1].reason,
                            "it has 5 bytes, more than the 4 that one file may have");
        assert_string_equal(passed(s, NULL), "a/b/fits.jpg=x;end");
        source_free(s);
    }
}

static void what_is_no_archive_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *says;
        size_t size;
    } FILES[] = {
        {"", "is an empty file; it must be a zip, tar or tar.gz archive", 0},
        {"7z\xbc\xaf\x27\x1c", "is a 7z archive; it must be a zip, tar or tar.gz archive", 6},
        {"\x89PNG\r\n", "is a single PNG picture; it must be a zip,", 6},
        {"RIFF\x10\0\0\0WEBPVP8 ", "is a single WebP picture; it must be a zip,", 16},
        {"<!doctype html>", "is a web page; it must be a zip,", 15},
        {"hello", "is text that begins \"hello\"; it must be a zip,", 5},
        {"name,label,split", "is text that begins \"name,label,s\"; it must be", 16},
        {"\"a\"", "is of a kind that is not known, its first bytes are 22 61 22; it must be", 3},
        {"\0\1\x7f\xff\4\5\6\7\b\t\n\v\f\r",
         "is of a kind that is not known, its first bytes are 00 01 7f ff 04 05 06 07 08 09 0a 0b; "
         "it must be",
         14},
        {"\x1f\x8b\x08", "is cut off: its gzip data ends at byte 3", 3},
    };
    for (size_t i = 0; i < COUNT(FILES); i++) {
        file_make(scratch_path(&scratch, "a"), FILES[i].bytes, FILES[i].size);
        CHECK_SAYS(refusal("a", NULL), FILES[i].says);
    }
    CHECK_SAYS(refusal("nothing", NULL), "No such file or directory");
    CHECK_SAYS(refusal("../../dev/null", NULL), "/dev/null is neither a folder nor a file");
}

/* Somebody writes to the file between the two passes. */
static void an_archive_that_changes_is_refused(void **state)
{
    (void)state;
    static const char *const FORMATS[] = {"zip", "ustar"};
    for (size_t i = 0; i < COUNT(FORMATS); i++) {
        archive_make(scratch_path(&scratch, "other"), FORMATS[i], PIECES, 2);
        size_t size;
        uint8_t *bytes = file_bytes(scratch_path(&scratch, "other"), &size);
        archive_make(scratch_path(&scratch, "a"), FORMATS[i], PIECES, COUNT(PIECES));
        Source *s;
        Error err = {0};
        CHECK_OK(source_open(scratch_path(&scratch, "a"), &(SourceOptions){0}, &s, &err), err);
        file_make(scratch_path(&scratch, "a"), bytes, size);
        CHECK_SAYS(passed(s, NULL), "has changed while it was read: it had 3 entries and has 2");
        free(bytes);
        source_free(s);
    }
}

/* Says yes so many times. */
static bool count_down(void *context)
{
    int *left = context;
    return (*left)-- > 0;
}

static void whoever_asks_for_it_may_stop_it(void **state)
{
    (void)state;
    text_make(scratch.path, "folder/cats/1.jpg", "one");
    archive_make(scratch_path(&scratch, "zip"), "zip", PIECES, COUNT(PIECES));
    archive_make(scratch_path(&scratch, "tar"), "ustar.gz", PIECES, COUNT(PIECES));
    static const char *const NAMES[] = {"folder", "zip", "tar"};
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        int left = 0, asked = 0;
        const SourceOptions options = {
            .label = "the upload", .go_on = count_down, .context = &left};
        Source *s;
        Error err = {0};
        do {
            left = ++asked;
            err = (Error){0};
        } while (!source_open(scratch_path(&scratch, NAMES[i]), &options, &s, &err)
                 && err.code == ERR_STOPPED && asked < 100);
        assert_int_equal(err.code, ERR_NONE);
        assert_true(asked > 1);
        left = 0;
        const char *got = passed(s, NULL);
        if (strcmp(NAMES[i], "tar") == 0)
            assert_string_equal(got, "failed: reading the upload was stopped");
        source_free(s);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_CASE(archives_that_are_cut_off_anywhere_are_refused),
        SCRATCH_CASE(a_cut_says_where),
        SCRATCH_CASE(a_cut_behind_the_end_of_a_tar_is_seen),
        SCRATCH_CASE(wrong_bits_are_refused),
        SCRATCH_CASE(sizes_that_lie_are_refused),
        SCRATCH_CASE(encrypted_archives_are_refused),
        SCRATCH_CASE(a_method_that_is_not_known_is_refused),
        SCRATCH_CASE(bombs_are_refused),
        SCRATCH_CASE(limits_are_named),
        SCRATCH_CASE(names_may_take_so_much_memory_and_no_more),
        SCRATCH_CASE(one_file_beyond_a_limit_is_left_out),
        SCRATCH_CASE(what_is_no_archive_is_named),
        SCRATCH_CASE(an_archive_that_changes_is_refused),
        SCRATCH_CASE(whoever_asks_for_it_may_stop_it),
    };
    return RUN_TESTS(tests);
}
