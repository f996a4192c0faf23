/* tests/server/data/intake/layout/test_layout_table.c -- tables of files and labels. */
#include <stdio.h>
#include <sys/stat.h>

#include "core/base/nfc.h"
#include "server/data/intake/layout/layout.h"
#include "server/data/intake/layout/table.h"
#include "server/data/intake/layout/utf16.h"
#include "tests/server/data/intake/source/archives.h"

#include "tests/check.h"

#include "tests/server/data/intake/layout/layout_text.h"
#include "tests/server/data/intake/scratch_case.h"

#define FOUND(...)                                                                                 \
    layout_text(&scratch, (const char *[]){__VA_ARGS__}, COUNT(((const char *[]){__VA_ARGS__})))

/* The fields of a table, as "[a][b]" for each row with its line before it; or the error. */
static const char *parsed(const char *bytes)
{
    static char text[2000];
    char *copy = xstrdup(bytes);
    CsvTable table;
    Error err = {0};
    const bool ok = table_parse("t.csv", copy, strlen(copy), &table, &err);
    *text = '\0';
    for (size_t r = 0; r < table.row_count; r++) {
        sprintf(text + strlen(text), "%d", (int)table.rows[r].line);
        for (size_t c = 0; c < table.rows[r].count; c++)
            sprintf(text + strlen(text), "[%s]", table_field(&table, r, c));
        assert_string_equal(table_field(&table, r, table.rows[r].count), "");
    }
    if (!ok)
        sprintf(text + strlen(text), "!%s", err.message);
    table_free(&table);
    free(copy);
    return text;
}

static void fields_are_those_of_rfc_4180(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *want;
    } TABLES[] = {
        {"a,b\nc,d\n", "1[a][b]2[c][d]"},
        {"a,b\r\nc,d", "1[a][b]2[c][d]"},
        {"a,b\rc,d\r", "1[a][b]2[c][d]"},
        {"\xef\xbb\xbf"
         "a,b\n",
         "1[a][b]"},
        {"a,,\n,b\n", "1[a][][]2[][b]"},
        {" a , b c ,\td\n", "1[a][b c][d]"},
        {"\"a, b\",\"c \"\"d\"\"\"\n", "1[a, b][c \"d\"]"},
        {"\"two\nlines\",x\ny,z\n", "1[two\nlines][x]3[y][z]"},
        {"\"\" , \" a \" \n", "1[][ a ]"},
        {"\"\"\"\"\n", "1[\"]"},
        {"a\n\n \n,\n\"\"\nb\n", "1[a]6[b]"},
        {"a;b,c\n", "1[a;b][c]"},
        {"a;b\nc;1,5\n", "1[a][b]2[c][1,5]"},
        {"a\tb\nc d\te\n\tf\n", "1[a][b]2[c d][e]3[][f]"},
        {"a\"b,c\n", "1[a\"b][c]"},
        {"sep=;\r\na;b,c\r\n", "2[a][b,c]"},
        {"\xef\xbb\xbfSEP=|\na|b,c", "2[a][b,c]"},
        {"sep=;", ""},
        {"sep=\r\na;b\n", "2[a][b]"},
        {"sep=\"\na,b\n", "1[sep=\"]2[a][b]"},
        {"sep=,a\n", "1[sep=][a]"},
        {"", ""},
        {"\n", ""},
        {"a,\"b", "!t.csv, line 1: a quoted field does not end"},
        {"a\nb,\"c\nd\ne", "1[a]!t.csv, line 2: a quoted field does not end"},
        {"a\n\"b\" c\n", "1[a]!t.csv, line 2: there is text behind a quoted field"},
        {"\"\"\"", "!t.csv, line 1: a quoted field does not end"},
    };
    for (size_t i = 0; i < COUNT(TABLES); i++)
        assert_string_equal(parsed(TABLES[i].bytes), TABLES[i].want);
    CsvTable table;
    Error err = {0};
    char utf16[] = "a\0,\0b\0";
    CHECK_REFUSED(table_parse("t.csv", utf16, 6, &table, &err), err, ERR_INVALID,
                  "t.csv has bytes of zero; tables must be UTF-8 text");
    table_free(&table);
}

static void a_table_gives_labels(void **state)
{
    (void)state;
    assert_string_equal(FOUND("labels.csv=\xef\xbb\xbf"
                              "File,Label\r\n1.jpg,cat\r\nmore/2.jpg,\"dog, "
                              "small\"\r\n",
                              "1.jpg", "more/2.jpg"),
                        "table: cat dog, small\n1.jpg: cat\nmore/2.jpg: dog, small\n"
                        "labels.csv: table: the table that lists the pictures\n");
    // Other names of the columns, in another order, with others; and folders around it.
    assert_string_equal(FOUND("a/b/x.csv=id;class;path\n1;cat;./1.jpg\n2;dog;more\\2.jpg\n",
                              "a/b/1.jpg", "a/b/more/2.jpg", "a/README"),
                        "table: cat dog\na/b/1.jpg: cat\na/b/more/2.jpg: dog\n"
                        "a/README: outside_layout: no table lists it\n"
                        "a/b/x.csv: table: the table that lists the pictures\n");
}

static void paths_may_begin_elsewhere(void **state)
{
    (void)state;
    // From the top, and below a folder that the table does not name.
    assert_string_equal(
        FOUND("set/x.csv=file,label\nset/1.jpg,a\nset/2.jpg,b\n", "set/1.jpg", "set/2.jpg"),
        "table: a b\nset/1.jpg: a\nset/2.jpg: b\n"
        "set/x.csv: table: the table that lists the pictures\n");
    assert_string_equal(
        FOUND("x.csv=file,label\n1.jpg,a\nin/2.jpg,b\n3.jpg,b\n", "images/1.jpg", "images/in/2.jpg",
              "images/in/3.jpg", "images/other/3.jpg", "images/x1.jpg"),
        "table: a b\nimages/1.jpg: a\nimages/in/2.jpg: b\n"
        "3.jpg: bad_row: line 4 of x.csv lists it, but several files could be meant\n"
        "images/in/3.jpg: outside_layout: no table lists it\n"
        "images/other/3.jpg: outside_layout: no table lists it\n"
        "images/x1.jpg: outside_layout: no table lists it\n"
        "x.csv: table: the table that lists the pictures\n");
}

static void rows_that_are_wrong_are_reported(void **state)
{
    (void)state;
    assert_string_equal(
        FOUND("x.csv=file,label\n1.jpg,a\n2.jpg,b\n3.jpg,c\n,a\n4.jpg\n../1.jpg,a\n2.jpg,b\n"
              "5.jpg,a\n5.jpg,b\n5.jpg,a\n",
              "1.jpg", "2.jpg", "4.jpg", "5.jpg", "6.jpg"),
        "table: a b\n1.jpg: a\n2.jpg: b\n"
        "../1.jpg: bad_row: line 7 of x.csv has no path of a file\n"
        "2.jpg: listed_twice: line 8 lists it again; it is used once\n"
        "3.jpg: missing_file: line 4 of x.csv lists it, but it is not there\n"
        "4.jpg: bad_row: line 6 of x.csv has no label\n"
        "4.jpg: outside_layout: no table lists it\n"
        "5.jpg: bad_row: lines 9 and 10 give it different labels or splits: \"a\" and \"b\"\n"
        "6.jpg: outside_layout: no table lists it\n"
        "x.csv: bad_row: line 5 of x.csv has no path of a file\n"
        "x.csv: table: the table that lists the pictures\n");
}

static void a_split_may_be_given(void **state)
{
    (void)state;
    assert_string_equal(FOUND("x.csv=file,label,split\n1.jpg,a,train\n2.jpg,b,Train\n3.jpg,a,test\n"
                              "4.jpg,b,TEST\n5.jpg,a,holdout\n6.jpg,a,\n7.jpg,b,val\n",
                              "1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg", "6.jpg", "7.jpg"),
                        "table: a b\n1.jpg: a train\n2.jpg: b train\n3.jpg: a test\n4.jpg: b test\n"
                        "7.jpg: b train\n"
                        "5.jpg: bad_row: line 6 of x.csv has the split \"holdout\"; it must be "
                        "train, test or val\n"
                        "5.jpg: outside_layout: no table lists it\n"
                        "6.jpg: bad_row: line 7 of x.csv has no split, as others have\n"
                        "6.jpg: outside_layout: no table lists it\n"
                        "x.csv: table: the table that lists the pictures\n"
                        "! validation_joins_training: 1 files for validation are for training: the "
                        "set has files for testing, and each training holds out a validation split "
                        "of its own\n");
    // A column of splits that says nothing.
    assert_string_equal(FOUND("x.csv=file,label,split\n1.jpg,a,\n2.jpg,b,\n", "1.jpg", "2.jpg"),
                        "table: a b\n1.jpg: a\n2.jpg: b\n"
                        "x.csv: table: the table that lists the pictures\n");
}

static void tables_may_be_named_after_their_split(void **state)
{
    (void)state;
    assert_string_equal(FOUND("train.csv=file,label\n1.jpg,a\n2.jpg,b\n",
                              "test.csv=file,label\n3.jpg,a\n4.jpg,b\n", "1.jpg", "2.jpg", "3.jpg",
                              "4.jpg", "sample_submission.csv=id,guess\n3.jpg,a\n"),
                        "table: a b\n1.jpg: a train\n2.jpg: b train\n3.jpg: a test\n4.jpg: b test\n"
                        "sample_submission.csv: outside_layout: no table lists it\n"
                        "test.csv: table: the table that lists the pictures\n"
                        "train.csv: table: the table that lists the pictures\n");
    assert_string_equal(
        FOUND("one.csv=file,label\n1.jpg,a\n", "two.csv=file,label\n2.jpg,b\n", "1.jpg", "2.jpg"),
        "has 2 tables of files and labels; several must be named after their "
        "splits: train.csv, test.csv");
}

static void labels_in_other_bytes_meet_their_files(void **state)
{
    (void)state;
    // The table and the names are Latin-1: "café.jpg", class "été".
    const Piece pieces[] = {{"x.csv", "file,label\ncaf\xe9.jpg,\xe9t\xe9\n2.jpg,b\n", PIECE_FILE},
                            {"caf\xe9.jpg", "x", PIECE_FILE},
                            {"2.jpg", "x", PIECE_FILE}};
    archive_make(scratch_path(&scratch, "a"), "gnutar.gz", pieces, COUNT(pieces));
    assert_string_equal(layout_text_of(scratch_path(&scratch, "a")),
                        "table: b \xc3\xa9t\xc3\xa9\n2.jpg: b\ncaf\xc3\xa9.jpg: \xc3\xa9t\xc3\xa9\n"
                        "x.csv: table: the table that lists the pictures\n");
}

static void a_table_that_is_none_leaves_it_to_the_folders(void **state)
{
    (void)state;
    // Beside classes: without the columns, without the files.
    assert_string_equal(FOUND("a/1.jpg", "b/1.jpg", "x.csv=file,size\na/1.jpg,3\n"),
                        "class_folders: a b\na/1.jpg: a\nb/1.jpg: b\n"
                        "x.csv: outside_layout: it is not in the folder of a class\n");
    assert_string_equal(FOUND("a/1.jpg", "b/1.jpg", "x.csv=file,label\n7.jpg,a\n"),
                        "class_folders: a b\na/1.jpg: a\nb/1.jpg: b\n"
                        "x.csv: outside_layout: it is not in the folder of a class\n");
    assert_string_equal(
        FOUND("1.jpg", "x.csv=file,label\n7.jpg,a\n"),
        "has 2 files (1 .csv, 1 .jpg), first 1.jpg, x.csv; a table is there, but not the files "
        "that it lists, such as 7.jpg; expected is a folder per class, train/ and test/ (or val/) "
        "with a folder "
        "per class, a CSV table with the columns file and label, or the four IDX files of an "
        "MNIST-like set");
}

static void what_made_a_table_useless_is_said_where_folders_are_no_classes(void **state)
{
    (void)state;
    assert_string_equal(
        FOUND("img/1.jpg", "img/2.jpg", "labels.csv=file,label,split\n1.jpg,a,dev\n2.jpg,b,dev\n"),
        "has one class, \"img\", with 2 files; at least two are needed; a table is "
        "there, but no row of use: line 2 of labels.csv has the split \"dev\"; it "
        "must be train, test or val");
    assert_string_equal(FOUND("img/1.jpg", "img/2.jpg",
                              "labels.csv=file,label\n/home/me/1.jpg,a\n/home/me/2.jpg,b\n"),
                        "has one class, \"img\", with 2 files; at least two are needed; a table is "
                        "there, but no row of use: line 2 of labels.csv has no path of a file");
    assert_string_equal(FOUND("img/1.jpg", "img/2.jpg", "labels.csv=id,breed\n1,a\n2,b\n"),
                        "has one class, \"img\", with 2 files; at least two are needed; labels.csv "
                        "has 2 columns, \"id\", \"breed\"");
}

static void tables_as_programs_write_them(void **state)
{
    (void)state;
    static const char WANT[] = "table: a b\n1.jpg: a\n2.jpg: b\n"
                               "x.csv: table: the table that lists the pictures\n";
    assert_string_equal(
        FOUND("x.csv=sep=;\nimage_name;target\n1.jpg;a\n2.jpg;b\n", "1.jpg", "2.jpg"), WANT);
    // No headers; a picture's id in the place of its name.
    assert_string_equal(FOUND("x.csv=1.jpg,a\n2.jpg,b\n", "1.jpg", "2.jpg"), WANT);
    assert_string_equal(FOUND("x.csv=image_id,label\n1,a\n2,b\n", "1.jpg", "2.jpg"), WANT);
    assert_string_equal(FOUND("x.csv=id,label\n1,a\n2,b\n", "in/1.jpg", "in/2.PNG", "in/21.jpg"),
                        "table: a b\nin/1.jpg: a\nin/2.PNG: b\n"
                        "in/21.jpg: outside_layout: no table lists it\n"
                        "x.csv: table: the table that lists the pictures\n");
    // Columns that say nothing to us are shown.
    assert_non_null(strstr(FOUND("x.csv=photo,kind,n\n1.jpg,a,1\n", "1.jpg"),
                           "; x.csv has 3 columns, \"photo\", \"kind\", ...; expected is"));
    assert_non_null(strstr(FOUND("x.csv=1.jpg a\n2.jpg b\n", "1.jpg"),
                           "; x.csv has one column, \"1.jpg a\"; expected is"));
}

static void a_list_of_classes_is_no_table_of_files(void **state)
{
    (void)state;
    static const char FOLDERS[] = "class_folders: cat dog\n"
                                  "cat/0.jpg: cat\ncat/1.jpg: cat\ncat/2.jpg: cat\n"
                                  "dog/3.jpg: dog\ndog/4.jpg: dog\ndog/5.jpg: dog\n"
                                  "x.csv: outside_layout: it is not in the folder of a class\n";
#define PICTURES "cat/0.jpg", "cat/1.jpg", "cat/2.jpg", "dog/3.jpg", "dog/4.jpg", "dog/5.jpg"
    assert_string_equal(FOUND(PICTURES, "x.csv=id,class\n0,cat\n1,dog\n"), FOLDERS);
    assert_string_equal(FOUND(PICTURES, "x.csv=0,cat\n1,dog\n"), FOLDERS);
#undef PICTURES
    // Beside a table of files; a competition has an example of what to hand in.
    static const char WANT[] = "table: a b\n1.jpg: a\n2.jpg: b\n"
                               "sample.csv: outside_layout: no table lists it\n"
                               "x.csv: table: the table that lists the pictures\n";
    assert_string_equal(FOUND("1.jpg", "2.jpg", "x.csv=file,label\n1.jpg,a\n2.jpg,b\n",
                              "sample.csv=id,label\n7,a\n8,a\n"),
                        WANT);
    assert_string_equal(FOUND("1.jpg", "2.jpg", "x.csv=file,label\n1.jpg,a\n2.jpg,b\n",
                              "sample.csv=id,label\n1,a\n2,a\n"),
                        WANT);
    // There most of the pictures may have no label.
    assert_string_equal(FOUND("x.csv=id,label\n1,a\n2,b\n3,a\n", "1.jpg", "2.jpg", "3.jpg", "4.jpg",
                              "5.jpg", "6.jpg", "7.jpg"),
                        "table: a b\n1.jpg: a\n2.jpg: b\n3.jpg: a\n"
                        "4.jpg: outside_layout: no table lists it\n"
                        "5.jpg: outside_layout: no table lists it\n"
                        "6.jpg: outside_layout: no table lists it\n"
                        "7.jpg: outside_layout: no table lists it\n"
                        "x.csv: table: the table that lists the pictures\n");
    // And where no class is twice and few files are named, it is said.
    assert_non_null(
        strstr(FOUND("x.csv=id,label\n1,a\n2,b\n", "1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"),
               "; x.csv names 2 of 5 files; expected is"));
}

static void utf_16_is_read(void **state)
{
    (void)state;
    // "file,label\n1.jpg,<e with acute, G clef>\n2.jpg,<half a pair>", as Windows and as others.
    static const uint16_t UNITS[] = {0xfeff, 'f',  'i', 'l', 'e', ',', 'l', 'a', 'b',   'e',
                                     'l',    '\n', '1', '.', 'j', 'p', 'g', ',', 0xe9,  0xd834,
                                     0xdd1e, '\n', '2', '.', 'j', 'p', 'g', ',', 0xd834};
    for (size_t big = 0; big < 2; big++) {
        uint8_t bytes[2 * COUNT(UNITS) + 1];
        for (size_t i = 0; i < COUNT(UNITS); i++) {
            bytes[2 * i + !big] = (uint8_t)(UNITS[i] >> 8);
            bytes[2 * i + big] = (uint8_t)UNITS[i];
        }
        size_t length;
        char *text = utf16_to_utf8(bytes, 2 * COUNT(UNITS), &length);
        assert_string_equal(text, "file,label\n1.jpg,\xc3\xa9\xf0\x9d\x84\x9e\n2.jpg,\xef\xbf\xbd");
        assert_int_equal(length, strlen(text));
        free(text);
        // An odd byte at the end, and no mark.
        text = utf16_to_utf8(bytes, 2 * COUNT(UNITS) - 1, &length);
        assert_int_equal(length, strlen(text));
        free(text);
        assert_null(utf16_to_utf8(bytes + 2, 2 * COUNT(UNITS) - 2, &length));
    }
    const char table[] = "\xff\xfe"
                         "f\0i\0l\0e\0\t\0l\0a\0b\0e\0l\0\n\0"
                         "1\0\t\0a\0\n\0"
                         "2\0\t\0b\0";
    char path[300];
    mkdir(scratch_path(&scratch, "w"), 0700);
    static const char *const NAMES[] = {"x.csv", "1.jpg", "2.jpg"};
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        snprintf(path, sizeof path, "%s/%s", scratch_path(&scratch, "w"), NAMES[i]);
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(table, 1, sizeof table - 1, f), sizeof table - 1);
        fclose(f);
    }
    assert_string_equal(layout_text_of(scratch_path(&scratch, "w")),
                        "table: a b\n1.jpg: a\n2.jpg: b\n"
                        "x.csv: table: the table that lists the pictures\n");
}

#define COMPOSED   "caf\xc3\xa9"
#define DECOMPOSED "cafe\xcc\x81"

static void letters_with_marks_are_equal_however_written(void **state)
{
    (void)state;
    assert_string_equal(FOUND("x.csv=file,label\n" COMPOSED "/1.jpg,a\n" DECOMPOSED
                              "2.jpg," DECOMPOSED "\n3.jpg," COMPOSED "\n",
                              DECOMPOSED "/1.jpg", COMPOSED "2.jpg", "3.jpg"),
                        "table: a " COMPOSED "\n3.jpg: " COMPOSED "\n" DECOMPOSED
                        "/1.jpg: a\n" COMPOSED "2.jpg: " COMPOSED
                        "\nx.csv: table: the table that lists the pictures\n");
    // Two files that differ in nothing else, each by its own bytes.
    assert_string_equal(FOUND("x.csv=file,label\n" COMPOSED ".jpg,a\n" DECOMPOSED ".jpg,b\n",
                              COMPOSED ".jpg", DECOMPOSED ".jpg"),
                        "table: a b\n" DECOMPOSED ".jpg: b\n" COMPOSED
                        ".jpg: a\nx.csv: table: the table that lists the pictures\n");
    assert_string_equal(
        FOUND("train/" DECOMPOSED "/1", "train/b/1", "test/" COMPOSED "/1", "test/b/1"),
        "split_folders: b " COMPOSED "\ntest/b/1: b test\ntest/" COMPOSED "/1: " COMPOSED
        " test\ntrain/b/1: b train\ntrain/" DECOMPOSED "/1: " COMPOSED " train\n");
    static const struct {
        const char *text, *want;
    } TEXTS[] = {
        {"", ""},
        {"plain", "plain"},
        {DECOMPOSED DECOMPOSED, COMPOSED COMPOSED},
        {COMPOSED, COMPOSED},
        {"e\xcc\xa3\xcc\x82", "\xe1\xbb\x87"},                     // Vietnamese: two marks
        {"\xe3\x81\x8b\xe3\x82\x99", "\xe3\x81\x8c"},              // ka, voiced
        {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c"},  // han
        {"\xe1\x84\x92\xe1\x85\xa1x", "\xed\x95\x98x"},            // ha
        {"\xcc\x81x", "\xcc\x81x"},                                // a mark of nothing
        {"\xf0\x9f\x98\x80\xcc\x81", "\xf0\x9f\x98\x80\xcc\x81"},
        {"x\xcc\x81", "x\xcc\x81"},  // there is no such letter
    };
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        char *text = nfc_text(TEXTS[i].text);
        assert_string_equal(text, TEXTS[i].want);
        free(text);
    }
}

static void a_table_that_is_damaged_is_refused(void **state)
{
    (void)state;
    assert_string_equal(FOUND("a/1.jpg", "b/1.jpg", "x.csv=file,label\na/1.jpg,\"a\n"),
                        "x.csv, line 2: a quoted field does not end");
    assert_string_equal(FOUND("1.jpg", "x.csv=file,label\n1.jpg,a\n"),
                        "has one class, \"a\", with 1 files; at least two are needed");
    assert_string_equal(FOUND("1.jpg", "x.csv=file,label\n1.jpg,a\n1.jpg,b\n"),
                        "has no file with one label");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_CASE(fields_are_those_of_rfc_4180),
        SCRATCH_CASE(a_table_gives_labels),
        SCRATCH_CASE(paths_may_begin_elsewhere),
        SCRATCH_CASE(rows_that_are_wrong_are_reported),
        SCRATCH_CASE(a_split_may_be_given),
        SCRATCH_CASE(tables_may_be_named_after_their_split),
        SCRATCH_CASE(labels_in_other_bytes_meet_their_files),
        SCRATCH_CASE(a_table_that_is_none_leaves_it_to_the_folders),
        SCRATCH_CASE(what_made_a_table_useless_is_said_where_folders_are_no_classes),
        SCRATCH_CASE(tables_as_programs_write_them),
        SCRATCH_CASE(a_list_of_classes_is_no_table_of_files),
        SCRATCH_CASE(utf_16_is_read),
        SCRATCH_CASE(letters_with_marks_are_equal_however_written),
        SCRATCH_CASE(a_table_that_is_damaged_is_refused),
    };
    return RUN_TESTS(tests);
}
