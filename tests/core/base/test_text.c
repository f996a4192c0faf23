/* tests/core/base/test_text.c -- bytes from outside come out as one line of printable UTF-8. */
#include "core/base/text.h"

#include <stdio.h>

#include "tests/check.h"

static void characters_have_their_length(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } CASES[] = {
        {"", 0},
        {"a", 1},
        {"\x7f", 1},
        {"\x80", 0},
        {"\xc1\xbf", 0},  // overlong
        {"\xc2\x80", 2},
        {"\xc3", 0},
        {"\xc3(", 0},
        {"\xe0\x9f\xbf", 0},  // overlong
        {"\xe0\xa0\x80", 3},
        {"\xe2\x82", 0},
        {"\xed\x9f\xbf", 3},
        {"\xed\xa0\x80", 0},  // a surrogate
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf0\x9f\x8c\xb2", 4},
        {"\xf4\x8f\xbf\xbf", 4},
        {"\xf4\x90\x80\x80", 0},  // beyond U+10FFFF
        {"\xf5\x80\x80\x80", 0},
        {"\xff", 0},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const char *text = CASES[i].text;
        assert_int_equal(utf8_next(text, text + strlen(text)), CASES[i].length);
        assert_int_equal(utf8_valid(text), strlen(text) == CASES[i].length);
    }
}

static void a_column_counts_characters(void **state)
{
    (void)state;
    assert_int_equal(utf8_padding("", 4), 4);
    assert_int_equal(utf8_padding("cat", 4), 1);
    assert_int_equal(utf8_padding("gr\xc3\xbcn", 5), 1);
    assert_int_equal(utf8_padding("\xf0\x9f\x8c\xb2", 4), 3);
    assert_int_equal(utf8_padding("longer", 4), 0);
    assert_int_equal(utf8_widen(4, "gr\xc3\xbcn", 60), 4);
    assert_int_equal(utf8_widen(3, "gr\xc3\xbcn", 60), 4);
    assert_int_equal(utf8_widen(3, "longer", 5), 5);
}

static void what_is_no_text_becomes_question_marks(void **state)
{
    (void)state;
    static const struct {
        const char *dirty, *clean;
    } CASES[] = {
        {"plain", "plain"},
        {"Stra\xc3\x9f"
         "e \xf0\x9f\x8c\xb2",
         "Stra\xc3\x9f"
         "e \xf0\x9f\x8c\xb2"},
        {"\xe7oogle", "?oogle"},
        {"a\nb\tc\x1b[2J\x7f", "a?b?c?[2J?"},
        {"\xc2\x9b"
         "31m",
         "??31m"},  // C1's control sequence introducer
        {"\xed\xa0\x80x", "???x"},
        {"cut \xf0\x9f\x8c", "cut "},
        {"cut \xc3", "cut "},
        {"\xff\xff", "??"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", CASES[i].dirty);
        text_clean(text);
        assert_string_equal(text, CASES[i].clean);
        assert_true(utf8_valid(text));
    }
}

static void control_characters_are_found(void **state)
{
    (void)state;
    static const char *const WITH[] = {"\t", "a\n", "\x1b[1m", "a\x7f", "\x01z"};
    static const char *const WITHOUT[] = {"", "a b~", "gru\xc3\x9f", "\xf0\x9f\x8c\xb2"};
    for (size_t i = 0; i < COUNT(WITH); i++)
        assert_true(text_has_control(WITH[i]));
    for (size_t i = 0; i < COUNT(WITHOUT); i++)
        assert_false(text_has_control(WITHOUT[i]));
}

static void any_bytes_come_out_as_utf8(void **state)
{
    (void)state;
    char text[8];
    for (unsigned a = 1; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            for (unsigned c = 0x70; c < 256; c += 9) {
                snprintf(text, sizeof text, "%c%c%cz", (char)a, (char)b, (char)c);
                text_clean(text);
                assert_true(utf8_valid(text));
                assert_null(strpbrk(text, "\n\r\t\x1b"));
            }
        }
    }
}

static void an_error_quotes_a_damaged_file_readably(void **state)
{
    (void)state;
    Error err = {0};
    fail(&err, ERR_INVALID, "x is of another format: %.8s", "\xe7ooglenetd");
    assert_string_equal(err.message, "x is of another format: ?ooglene");
    // A precision that cuts a character in two.
    fail(&err, ERR_INVALID, "name %.4s", "abc\xc3\xa4");
    assert_string_equal(err.message, "name abc");
    fail_in(&err, "line\n%s", "\xfe");
    assert_string_equal(err.message, "line??: name abc");
}

static void a_message_that_is_too_long_keeps_both_its_ends(void **state)
{
    (void)state;
    static const char REASON[] = ": No such file or directory";
    Error err = {0};
    char path[2 * sizeof err.message];
    // Characters of two bytes, so that one of both offsets cuts one of them.
    for (size_t offset = 0; offset < 2; offset++) {
        size_t at = offset;
        memset(path, 'x', offset);
        for (; at + 2 < sizeof path; at += 2)
            memcpy(path + at, "\xc3\xa4", 2);
        path[at] = '\0';
        fail(&err, ERR_IO, "open %s%s", path, REASON);
        for (int i = 0; i < 2; i++) {
            assert_true(utf8_valid(err.message));
            assert_true(strlen(err.message) > sizeof err.message - 6);
            assert_non_null(strstr(err.message, "..."));
            assert_string_equal(err.message + strlen(err.message) - strlen(REASON), REASON);
            fail_in(&err, "%s", path);
        }
        assert_memory_equal(err.message, path, 200);
    }
}

static void code_points_are_written_as_they_are_read(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        const char *text;
    } CASES[] = {
        {0x41, "A"},
        {0x7f, "\x7f"},
        {0x80, "\xc2\x80"},
        {0x7ff, "\xdf\xbf"},
        {0x800, "\xe0\xa0\x80"},
        {0xffff, "\xef\xbf\xbf"},
        {0x10000, "\xf0\x90\x80\x80"},
        {0x10ffff, "\xf4\x8f\xbf\xbf"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char text[5] = "";
        assert_int_equal(utf8_put(CASES[i].code, text), strlen(CASES[i].text));
        assert_string_equal(text, CASES[i].text);
        assert_true(utf8_valid(text));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_have_their_length),
        cmocka_unit_test(code_points_are_written_as_they_are_read),
        cmocka_unit_test(a_column_counts_characters),
        cmocka_unit_test(what_is_no_text_becomes_question_marks),
        cmocka_unit_test(control_characters_are_found),
        cmocka_unit_test(any_bytes_come_out_as_utf8),
        cmocka_unit_test(an_error_quotes_a_damaged_file_readably),
        cmocka_unit_test(a_message_that_is_too_long_keeps_both_its_ends),
    };
    return RUN_TESTS(tests);
}
