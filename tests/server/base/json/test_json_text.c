#include "server/base/json/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"

/* Parse a copy without a final NUL, so that a sanitizer sees reads beyond the end. */
static cJSON *parse(const char *text, size_t length, Error *err)
{
    char *copy = malloc(length ? length : 1);
    memcpy(copy, text, length);
    cJSON *json = json_parse_text("job.json", copy, length, err);
    Error checked = {0};
    const bool good = json_check_text("job.json", copy, length, &checked);
    free(copy);
    // The check says the same, but that it takes any length.
    if (length <= JSON_MAX_BYTES) {
        assert_int_equal(good, json != NULL);
        assert_string_equal(checked.message, json ? "" : err->message);
    }
    return json;
}

static void reads_every_kind_of_value(void **state)
{
    (void)state;
    const char *good[] = {
        "{}",
        " [ ] ",
        "null",
        "true",
        "\"\"",
        "-0.5e+10",
        "0",
        "\t{\r\n\"a\" : [1, -2.25, 3E2, false] , \"b\":{\"c\":null}}\n",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
        "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
        "[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]",
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        Error err = {0};
        cJSON *json = parse(good[i], strlen(good[i]), &err);
        if (!json)
            fail_msg("%s: %s", good[i], err.message);
        cJSON_Delete(json);
    }
}

static void refuses_with_line_and_column(void **state)
{
    (void)state;
    const struct {
        const char *text, *fault;
    } bad[] = {
        {"", "line 1, column 1: expected a value"},
        {"  \n ", "line 2, column 2: expected a value"},
        {"{\n  \"epochs\": 3\n  \"seed\": 1\n}", "line 3, column 3: expected a comma or }"},
        {"{\"a\":1,}", "line 1, column 8: expected a string in double quotes"},
        {"{\"a\" 1}", "line 1, column 6: expected a colon after the key"},
        {"{a:1}", "line 1, column 2: expected a string in double quotes"},
        {"[1,2", "line 1, column 5: expected a comma or ]"},
        {"[1,]", "line 1, column 4: expected a value"},
        {"{\"1\":1,", "line 1, column 8: expected a string in double quotes"},
        {"{} {}", "line 1, column 4: more text after the end of the value"},
        {"01", "line 1, column 2: more text after the end of the value"},
        {"\xef\xbb\xbf{a:1}", "line 1, column 2: expected a string in double quotes"},
        {"\xef\xbb", "line 1, column 1: expected a value"},
        {"\xff\xfe{", "this is UTF-16, and JSON is UTF-8"},
        {"\xfe\xff", "this is UTF-16, and JSON is UTF-8"},
        {"NaN", "line 1, column 1: expected a value"},
        {"Infinity", "line 1, column 1: expected a value"},
        {"tru", "line 1, column 1: expected a value"},
        {"-", "line 1, column 2: a number needs a digit here"},
        {"1.", "line 1, column 3: a number needs a digit after its point"},
        {"1e+", "line 1, column 4: a number needs a digit in its exponent"},
        {"\"a", "line 1, column 3: the string is not closed"},
        {"\"\n\"", "line 1, column 2: a control character in a string must be escaped"},
        {"\"\xc3\xa9\\x\"",
         "line 1, column 4: an escape is one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX"},
        {"\"\\u12g4\"", "line 1, column 6: \\u needs four hexadecimal digits"},
        {"\"\\u0000\"", "line 1, column 8: \\u0000 is not allowed"},
        {"\"\\ud83dx\"", "line 1, column 8: half of a surrogate pair"},
        {"\"\\ude00\"", "line 1, column 8: half of a surrogate pair"},
        {"\"\xff\"", "line 1, column 2: bytes that are not UTF-8"},
        {"\"\xc0\xaf\"", "line 1, column 2: bytes that are not UTF-8"},
        {"\"\xed\xa0\x80\"", "line 1, column 2: bytes that are not UTF-8"},
        {"\"\xc3", "line 1, column 2: bytes that are not UTF-8"},
        {"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", "line 1, column 18: nested deeper than 16 levels"},
        {"1234567890123456789012345678901234567890123456789012345678901",
         "line 1, column 1: the number is longer than 60 characters"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        Error err = {0};
        cJSON *json = parse(bad[i].text, strlen(bad[i].text), &err);
        if (json)
            fail_msg("%s was read", bad[i].text);
        char want[256];
        snprintf(want, sizeof want, "job.json: %s", bad[i].fault);
        assert_string_equal(err.message, want);
        assert_int_equal(err.code, ERR_INVALID);
    }
}

/* An object of `count` members, or an array of as many numbers. */
static cJSON *parse_wide(bool object, int count, Error *err)
{
    char *text = xcalloc((size_t)count * 16 + 8, 1), *at = text;
    *at++ = object ? '{' : '[';
    for (int i = 0; i < count; i++)
        at += sprintf(at, object ? "%s\"%d\":0" : "%s%d", i ? "," : "", i);
    *at++ = object ? '}' : ']';
    cJSON *json = parse(text, (size_t)(at - text), err);
    free(text);
    return json;
}

static void refuses_an_object_whose_members_take_long_to_look_up(void **state)
{
    (void)state;
    Error err = {0};
    cJSON *json = parse_wide(true, JSON_MAX_MEMBERS, &err);
    assert_int_equal(cJSON_GetArraySize(json), JSON_MAX_MEMBERS);
    cJSON_Delete(json);
    assert_null(parse_wide(true, JSON_MAX_MEMBERS + 1, &err));
    assert_string_equal(err.message,
                        "job.json: line 1, column 8108: more than 1024 members in an object");
    // Arrays are read one after the other.
    json = parse_wide(false, 4 * JSON_MAX_MEMBERS, &err);
    assert_int_equal(cJSON_GetArraySize(json), 4 * JSON_MAX_MEMBERS);
    cJSON_Delete(json);
}

static void refuses_a_nul_and_too_many_bytes(void **state)
{
    (void)state;
    Error err = {0};
    assert_null(parse("{}\0", 3, &err));
    assert_string_equal(err.message,
                        "job.json: line 1, column 3: more text after the end of the value");
    assert_null(parse("\"a\0b\"", 5, &err));

    char *big = malloc(JSON_MAX_BYTES + 1);
    memset(big, ' ', JSON_MAX_BYTES + 1);
    big[0] = '1';
    cJSON *json = parse(big, JSON_MAX_BYTES, &err);
    assert_non_null(json);
    cJSON_Delete(json);
    assert_null(parse(big, JSON_MAX_BYTES + 1, &err));
    assert_string_equal(err.message, "job.json: 1048577 bytes of JSON, at most 1048576 are read");
    free(big);
}

static void numbers_that_were_read_are_printed_as_they_were(void **state)
{
    (void)state;
    static const char TEXT[] = "{\"a\":0.0882559285145269,\"b\":[0.08825592851452692,{\"c\":[1,"
                               "-2.5e-300,\"0.1\",null,true]}],\"d\":0.1}";
    Error err = {0};
    cJSON *json = json_parse_text("text", TEXT, strlen(TEXT), &err);
    assert_non_null(json);
    json_keep_numbers(json);
    char *text = cJSON_PrintUnformatted(json);
    assert_string_equal(text, TEXT);
    double value;
    assert_true(json_number_value(
        cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(json, "b"), 0), &value));
    assert_true(value == 0.08825592851452692);
    cJSON_free(text);
    cJSON_Delete(json);
    json_keep_numbers(NULL);
}

static void numbers_keep_all_their_bits(void **state)
{
    (void)state;
    const double numbers[] = {
        0,    1,      -1,          0.1,    0.30000000000000004, 9007199254740991.0, 1e9,
        1e99, 5e-324, 0.1 + 1e-16, 1.0 / 3};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        cJSON *json = json_number(numbers[i]);
        double value;
        assert_true(json_number_value(json, &value));
        assert_true(value == numbers[i]);
        char *text = cJSON_PrintUnformatted(json);
        if (strtod(text, NULL) != numbers[i])
            fail_msg("%.17g is printed as %s", numbers[i], text);
        cJSON_free(text);
        cJSON_Delete(json);
    }
}

static void number_text_is_short_and_exact(void **state)
{
    (void)state;
    const struct {
        double value;
        const char *text;
    } numbers[] = {
        {0, "0"},
        {0.1, "0.1"},
        {0.30000000000000004, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {9007199254740991.0, "9007199254740991"},
        {-2.5e-300, "-2.5e-300"},
    };
    for (size_t i = 0; i < COUNT(numbers); i++) {
        char text[NUMBER_TEXT];
        number_text(numbers[i].value, text);
        assert_string_equal(text, numbers[i].text);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind_of_value),
        cmocka_unit_test(refuses_with_line_and_column),
        cmocka_unit_test(refuses_a_nul_and_too_many_bytes),
        cmocka_unit_test(refuses_an_object_whose_members_take_long_to_look_up),
        cmocka_unit_test(numbers_keep_all_their_bits),
        cmocka_unit_test(numbers_that_were_read_are_printed_as_they_were),
        cmocka_unit_test(number_text_is_short_and_exact),
    };
    return RUN_TESTS(tests);
}
