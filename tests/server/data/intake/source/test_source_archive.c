/* tests/server/data/intake/source/test_source_archive.c -- archives as sources: all kinds, honest
 * ones. */
#include <stdio.h>

#include "core/base/text.h"
#include "server/data/intake/source/source.h"
#include "tests/server/data/intake/source/archives.h"

#include "tests/check.h"

#include "tests/server/data/intake/listed.h"
#include "tests/server/data/intake/scratch_case.h"

static Source *open_archive(const char *name)
{
    Error err = {0};
    Source *source = NULL;
    CHECK_OK(source_open(scratch_path(&scratch, name), &(SourceOptions){0}, &source, &err), err);
    return source;
}

static void every_kind_is_known_by_its_content(void **state)
{
    (void)state;
    static const struct {
        const char *format, *kind;
    } KINDS[] = {{"zip", "zip"},    {"zip64", "zip"}, {"ustar", "tar"},       {"pax", "tar"},
                 {"gnutar", "tar"}, {"v7tar", "tar"}, {"ustar.gz", "tar.gz"}, {"pax.gz", "tar.gz"}};
    const Piece pieces[] = {{"dogs", NULL, PIECE_FOLDER},
                            {"dogs/b.jpg", "second", PIECE_FILE},
                            {"dogs/a.jpg", "first", PIECE_FILE},
                            {"./cats//c.jpg", "", PIECE_FILE}};
    for (size_t i = 0; i < COUNT(KINDS); i++) {
        archive_make(scratch_path(&scratch, "set.jpg"), KINDS[i].format, pieces, COUNT(pieces));
        Source *s = open_archive("set.jpg");
        assert_string_equal(source_kind(s), KINDS[i].kind);
        assert_string_equal(listed(s), "cats/c.jpg 0\ndogs/a.jpg 5\ndogs/b.jpg 6\ndogs/\n");
        assert_int_equal(source_listing(s)->total_bytes, 11);
        assert_string_equal(passed(s, NULL), "dogs/b.jpg=second;dogs/a.jpg=first;cats/c.jpg=;end");
        // Another pass, of one; the next one is whole again.
        assert_string_equal(passed(s, (bool[]){false, true, false}), "dogs/a.jpg=first;end");
        uint8_t *bytes;
        size_t size;
        Error err = {0};
        CHECK_OK(source_read(s, 2, &bytes, &size, &err), err);
        assert_int_equal(size, 6);
        assert_string_equal((char *)bytes, "second");
        free(bytes);
        assert_string_equal(passed(s, NULL), "dogs/b.jpg=second;dogs/a.jpg=first;cats/c.jpg=;end");
        source_free(s);
    }
}

static void paths_that_lead_out_are_left_out(void **state)
{
    (void)state;
    const Piece pieces[] = {
        {"../evil.jpg", "x", PIECE_FILE},   {"cats/../../evil.jpg", "x", PIECE_FILE},
        {"/etc/evil.jpg", "x", PIECE_FILE}, {"cats/..", "x", PIECE_FILE},
        {"/", NULL, PIECE_FOLDER},          {"cats/good.jpg", "good", PIECE_FILE}};
    static const char *const FORMATS[] = {"zip", "pax.gz"};
    for (size_t i = 0; i < COUNT(FORMATS); i++) {
        archive_make(scratch_path(&scratch, "a"), FORMATS[i], pieces, COUNT(pieces));
        Source *s = open_archive("a");
        assert_string_equal(listed(s), "cats/good.jpg 4\n../evil.jpg: climbing_path\n"
                                       "/: absolute_path\n/etc/evil.jpg: absolute_path\n"
                                       "cats/..: climbing_path\n"
                                       "cats/../../evil.jpg: climbing_path\n");
        assert_string_equal(passed(s, NULL), "cats/good.jpg=good;end");
        source_free(s);
    }
}

static void links_and_devices_are_left_out(void **state)
{
    (void)state;
    const Piece pieces[] = {{"cats/1.jpg", "one", PIECE_FILE},
                            {"cats/hard.jpg", "cats/1.jpg", PIECE_HARD_LINK},
                            {"cats/soft.jpg", "/etc/passwd", PIECE_SYMLINK},
                            {"cats/soft.jpg/inside.jpg", "x", PIECE_FILE},
                            {"pipe", NULL, PIECE_PIPE}};
    archive_make(scratch_path(&scratch, "a.tar"), "pax", pieces, COUNT(pieces));
    Source *s = open_archive("a.tar");
    assert_string_equal(listed(s),
                        "cats/1.jpg 3\ncats/soft.jpg/inside.jpg 1\n"
                        "cats/hard.jpg: link\ncats/soft.jpg: link\npipe: special_file\n");
    assert_string_equal(passed(s, NULL), "cats/1.jpg=one;cats/soft.jpg/inside.jpg=x;end");
    source_free(s);
    const Piece in_zip[] = {{"soft.jpg", "/etc/passwd", PIECE_SYMLINK}, {"1.jpg", "1", PIECE_FILE}};
    archive_make(scratch_path(&scratch, "a.zip"), "zip", in_zip, COUNT(in_zip));
    s = open_archive("a.zip");
    assert_string_equal(listed(s), "1.jpg 1\nsoft.jpg: link\n");
    source_free(s);
}

static void what_systems_keep_is_left_out(void **state)
{
    (void)state;
    const Piece pieces[] = {
        {"__MACOSX/cats/._1.jpg", "x", PIECE_FILE}, {"cats/.DS_Store", "x", PIECE_FILE},
        {"cats/Thumbs.db", "x", PIECE_FILE},        {"cats/DESKTOP.INI", "x", PIECE_FILE},
        {".git/cats/1.jpg", "x", PIECE_FILE},       {"cats/1.jpg", "1", PIECE_FILE}};
    archive_make(scratch_path(&scratch, "a"), "zip", pieces, COUNT(pieces));
    Source *s = open_archive("a");
    assert_string_equal(listed(s), "cats/1.jpg 1\n.git/cats/1.jpg: system_file\n"
                                   "__MACOSX/cats/._1.jpg: system_file\n"
                                   "cats/.DS_Store: system_file\ncats/DESKTOP.INI: system_file\n"
                                   "cats/Thumbs.db: system_file\n");
    assert_string_equal(source_listing(s)->left_out.items[0].reason,
                        "kept by the system, no picture");
    source_free(s);
}

static void of_one_path_the_last_counts(void **state)
{
    (void)state;
    const Piece pieces[] = {{"cats/1.jpg", "old", PIECE_FILE},
                            {"cats/2.jpg", "two", PIECE_FILE},
                            {"./cats/1.jpg", "newer", PIECE_FILE}};
    archive_make(scratch_path(&scratch, "a"), "pax", pieces, COUNT(pieces));
    Source *s = open_archive("a");
    assert_string_equal(listed(s), "cats/1.jpg 5\ncats/2.jpg 3\ncats/1.jpg: replaced\n");
    assert_int_equal(source_listing(s)->total_bytes, 8);
    assert_string_equal(passed(s, NULL), "cats/2.jpg=two;cats/1.jpg=newer;end");
    source_free(s);
}

static void names_become_text(void **state)
{
    (void)state;
    const ZipPiece pieces[] = {
        {.path = "caf\xc3\xa9/\xe2\x82\xac.jpg", .data = "utf8", .flags = 0x800},
        {.path = "na\xc3\xafve.jpg", .data = "unflagged"},
        {.path = "caf\xe9/latin1.jpg", .data = "latin1"},
        {.path = "line\nbreak\x7f.jpg", .data = "control"},
        {.path = "dogs\\1.jpg", .data = "backslash"},
        {.path = "empty\\", .data = ""},
        {.path = "C:\\dogs\\1.jpg", .data = "drive"},
        {.path = "dogs\\..\\..\\1.jpg", .data = "climbs"}};
    zip_make(scratch_path(&scratch, "a"), pieces, COUNT(pieces));
    Source *s = open_archive("a");
    assert_string_equal(listed(s), "caf\xc3\xa9/latin1.jpg 6\ncaf\xc3\xa9/\xe2\x82\xac.jpg 4\n"
                                   "dogs/1.jpg 9\nline\\x0abreak\\x7f.jpg 7\nna\xc3\xafve.jpg 9\n"
                                   "empty/\n"
                                   "C:/dogs/1.jpg: absolute_path\n"
                                   "dogs/../../1.jpg: climbing_path\n");
    assert_true(utf8_valid(listed(s)));
    assert_non_null(strstr(passed(s, NULL), "dogs/1.jpg=backslash;"));
    source_free(s);
    const Piece in_tar[] = {{"caf\xe9.jpg", "latin1", PIECE_FILE},
                            {"caf\xc3\xa9.png", "utf8", PIECE_FILE},
                            {"new\nline.jpg", "control", PIECE_FILE},
                            {"back\\slash.jpg", "own", PIECE_FILE}};
    static const char *const FORMATS[] = {"gnutar", "pax", "ustar"};
    for (size_t i = 0; i < COUNT(FORMATS); i++) {
        archive_make(scratch_path(&scratch, "t"), FORMATS[i], in_tar, COUNT(in_tar));
        s = open_archive("t");
        assert_string_equal(listed(s), "back\\x5cslash.jpg 3\ncaf\xc3\xa9.jpg 6\n"
                                       "caf\xc3\xa9.png 4\nnew\\x0aline.jpg 7\n");
        source_free(s);
    }
}

static void long_names_arrive_whole(void **state)
{
    (void)state;
    char path[400] = "cats/";
    memset(path + 5, 'n', 300);
    const Piece pieces[] = {{path, "x", PIECE_FILE}};
    static const char *const FORMATS[] = {"gnutar", "pax", "zip"};
    for (size_t i = 0; i < COUNT(FORMATS); i++) {
        archive_make(scratch_path(&scratch, "a"), FORMATS[i], pieces, 1);
        Source *s = open_archive("a");
        assert_string_equal(source_listing(s)->entries[0].path, path);
        source_free(s);
    }
}

static void holes_of_sparse_files_are_zeros(void **state)
{
    (void)state;
    archive_make_sparse(scratch_path(&scratch, "a"), "hole.jpg", 100000, 40000, "data");
    Source *s = open_archive("a");
    uint8_t *bytes;
    size_t size;
    Error err = {0};
    CHECK_OK(source_read(s, 0, &bytes, &size, &err), err);
    assert_int_equal(size, 100000);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], i >= 40000 && i < 40004 ? "data"[i - 40000] : 0);
    free(bytes);
    source_free(s);
}

static void a_hundred_thousand_files_are_listed(void **state)
{
    (void)state;
    enum { FILES = 100000 };
    Piece *pieces = xcalloc(FILES, sizeof *pieces);
    for (int i = 0; i < FILES; i++)
        pieces[i] = (Piece){xasprintf("class_%d/%06d.jpg", i % 10, i), "x", PIECE_FILE};
    static const char *const FORMATS[] = {"zip", "ustar.gz"};
    for (size_t f = 0; f < COUNT(FORMATS); f++) {
        archive_make(scratch_path(&scratch, "a"), FORMATS[f], pieces, FILES);
        Source *s = open_archive("a");
        assert_int_equal(source_listing(s)->count, FILES);
        SourceFile file;
        Error err = {0};
        SourceStep step;
        size_t files = 0;
        assert_true(source_begin(s, NULL, &err));
        while ((step = source_next(s, &file, &err)) == SOURCE_FILE) {
            assert_string_equal(source_listing(s)->entries[file.entry].path, pieces[files].path);
            files++;
        }
        assert_int_equal(step, SOURCE_END);
        assert_int_equal(files, FILES);
        source_free(s);
    }
    for (int i = 0; i < FILES; i++)
        free((char *)pieces[i].path);
    free(pieces);
}

static void an_archive_without_entries_is_empty(void **state)
{
    (void)state;
    static const char *const FORMATS[] = {"zip", "pax", "ustar.gz"};
    for (size_t i = 0; i < COUNT(FORMATS); i++) {
        archive_make(scratch_path(&scratch, "a"), FORMATS[i], NULL, 0);
        Source *s = open_archive("a");
        assert_string_equal(listed(s), "");
        assert_string_equal(passed(s, NULL), "end");
        source_free(s);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_CASE(every_kind_is_known_by_its_content),
        SCRATCH_CASE(paths_that_lead_out_are_left_out),
        SCRATCH_CASE(links_and_devices_are_left_out),
        SCRATCH_CASE(what_systems_keep_is_left_out),
        SCRATCH_CASE(of_one_path_the_last_counts),
        SCRATCH_CASE(names_become_text),
        SCRATCH_CASE(long_names_arrive_whole),
        SCRATCH_CASE(holes_of_sparse_files_are_zeros),
        SCRATCH_CASE(a_hundred_thousand_files_are_listed),
        SCRATCH_CASE(an_archive_without_entries_is_empty),
    };
    return RUN_TESTS(tests);
}
