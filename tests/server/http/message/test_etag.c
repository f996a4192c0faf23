/* tests/server/http/message/test_etag.c -- tags, lists of them and the conditions that they put. */
#include "server/http/message/etag.h"

#include <string.h>

#include "tests/check.h"

static void tags_follow_the_bytes(void **state)
{
    (void)state;
    char a[ETAG_TEXT], b[ETAG_TEXT];
    etag_make("{}", 2, a);
    etag_make("{}", 2, b);
    assert_string_equal(a, b);
    assert_int_equal(strlen(a), ETAG_TEXT - 6);
    assert_int_equal(a[0], '"');
    etag_make("{} ", 3, b);
    assert_string_not_equal(a, b);
    etag_make("", 0, b);
    assert_string_not_equal(a, b);
}

static void lists_name_tags(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool weakly, strongly;
    } CASES[] = {
        {"\"a\"", true, true},          {"W/\"a\"", true, false},   {"\"b\", W/\"a\"", true, false},
        {"\"b\" ,\t\"a\"", true, true}, {"*", true, true},          {" * ", true, true},
        {"W/\"a\", \"a\"", true, true}, {"\"ab\"", false, false},   {"a", false, false},
        {"\"a", false, false},          {"", false, false},         {NULL, false, false},
        {"w/\"a\"", false, false},      {"\"b\"\"a\"", true, true}, {",, \"a\"", true, true},
        {"\"b\", ,\"a\",", true, true}, {",", false, false},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        if (etag_named_weakly(CASES[i].header, "\"a\"") != CASES[i].weakly
            || etag_named_strongly(CASES[i].header, "\"a\"") != CASES[i].strongly)
            fail_msg("%s", CASES[i].header ? CASES[i].header : "NULL");
    }
}

static void conditions_stop_readers_and_writers(void **state)
{
    (void)state;
    static const struct {
        const char *if_match, *if_none_match;
        Condition reader, writer;
    } CASES[] = {
        {NULL, NULL, CONDITION_HOLDS, CONDITION_HOLDS},
        {"\"a\"", NULL, CONDITION_HOLDS, CONDITION_HOLDS},
        {"*", NULL, CONDITION_HOLDS, CONDITION_HOLDS},
        {"W/\"a\"", NULL, CONDITION_FAILED, CONDITION_FAILED},
        {"\"b\"", NULL, CONDITION_FAILED, CONDITION_FAILED},
        {"nope", NULL, CONDITION_FAILED, CONDITION_FAILED},
        {"", NULL, CONDITION_FAILED, CONDITION_FAILED},
        {NULL, "\"a\"", CONDITION_NOT_MODIFIED, CONDITION_FAILED},
        {NULL, "*", CONDITION_NOT_MODIFIED, CONDITION_FAILED},
        {NULL, "\"b\"", CONDITION_HOLDS, CONDITION_HOLDS},
        {"\"b\"", "\"a\"", CONDITION_FAILED, CONDITION_FAILED},  // If-Match goes first
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        const char *match = CASES[i].if_match, *none = CASES[i].if_none_match;
        assert_int_equal(etag_condition(match, none, "\"a\"", true), CASES[i].reader);
        assert_int_equal(etag_condition(match, none, "\"a\"", false), CASES[i].writer);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_follow_the_bytes),
        cmocka_unit_test(lists_name_tags),
        cmocka_unit_test(conditions_stop_readers_and_writers),
    };
    return RUN_TESTS(tests);
}
