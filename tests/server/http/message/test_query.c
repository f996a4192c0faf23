#include "server/http/message/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"

static void parameters_are_decoded_and_bounded(void **state)
{
    Query q;
    Faults faults = {.count = 0};
    (void)state;
    query_parse("after=7&name=a%20b+c%C3%A9&&dry_run&limit=-5", &q);
    assert_int_equal(query_integer(&q, "after", 0, 0, 100, &faults), 7);
    assert_string_equal(query_text(&q, "name", &faults), "a b c\xc3\xa9");
    assert_true(query_flag(&q, "dry_run", false, &faults));
    assert_int_equal(query_integer(&q, "limit", 3, -5, 100, &faults), -5);
    assert_int_equal(query_integer(&q, "absent", 42, 0, 100, &faults), 42);
    assert_false(query_flag(&q, "absent", false, &faults));
    assert_true(query_flag(&q, "absent", true, &faults));
    query_finish(&q, &faults);
    assert_int_equal(faults.count, 0);
}

static void parameters_are_found_by_their_prefix(void **state)
{
    Query q;
    Faults faults = {.count = 0};
    (void)state;
    query_parse("metadata.a=1&b=2&metadata.%C3%A9.x=&metadata.a=3&metadata=4&metadata.c=5", &q);
    static const char *const WANT[][2] = {{"a", "3"}, {"\xc3\xa9.x", ""}, {"c", "5"}};
    const char *value, *rest;
    int next = 0;
    size_t found = 0;
    for (; (value = query_next(&q, "metadata.", &next, &rest, &faults)); found++) {
        assert_true(found < COUNT(WANT));
        assert_string_equal(rest, WANT[found][0]);
        assert_string_equal(value, WANT[found][1]);
    }
    assert_int_equal(found, COUNT(WANT));
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.items[0].pointer, "?metadata.a");
    assert_string_equal(faults.items[0].detail, "must be given once");
    query_finish(&q, &faults);
    assert_int_equal(faults.count, 3);  // b and metadata, which nobody asked for
}

static void every_fault_is_named(void **state)
{
    Query q;
    Faults faults = {.count = 0};
    (void)state;
    query_parse("limit=0&after=x&dry_run=yes&twice=1&twice=2&strange=1", &q);
    assert_int_equal(query_integer(&q, "limit", 20, 1, 1000, &faults), 20);
    query_integer(&q, "after", 0, 0, 100, &faults);
    query_flag(&q, "dry_run", false, &faults);
    query_text(&q, "twice", &faults);
    query_finish(&q, &faults);
    static const char *const WANT[][2] = {
        {"?limit", "must be a whole number from 1 to 1000, got 0"},
        {"?after", "must be a whole number from 0 to 100, got x"},
        {"?dry_run", "must be true or false, got yes"},
        {"?twice", "must be given once"},
        {"?strange", "is not a parameter of this call"},
    };
    assert_int_equal(faults.count, COUNT(WANT));
    for (size_t i = 0; i < COUNT(WANT); i++) {
        assert_string_equal(faults.items[i].pointer, WANT[i][0]);
        assert_string_equal(faults.items[i].detail, WANT[i][1]);
    }
}

static void numbers_are_digits_only(void **state)
{
    static const char *const BAD[] = {"n=",    "n",        "n=+1",  "n=%201",
                                      "n=1.5", "n=0x10",   "n=1e3", "n=99999999999999999999",
                                      "n=-",   "n=1%2000", "n=NaN", "n=1,2"};
    (void)state;
    for (size_t i = 0; i < COUNT(BAD); i++) {
        Query q;
        Faults faults = {.count = 0};
        query_parse(BAD[i], &q);
        const int64_t got = query_integer(&q, "n", 5, 0, INT64_MAX, &faults);
        if (faults.count != 1 || got != 5)
            fail_msg("%s gives %d with %d faults", BAD[i], (int)got, faults.count);
    }
}

static void what_cannot_be_read_is_a_fault(void **state)
{
    static const char *const BAD[] = {"a=%",   "a=%2",  "a=%zz",   "a=%00",
                                      "a=%0A", "a=%ff", "%c0%80=1"};
    Query q;
    (void)state;
    for (size_t i = 0; i < COUNT(BAD); i++) {
        Faults faults = {.count = 0};
        query_parse(BAD[i], &q);
        query_finish(&q, &faults);
        if (faults.count != 1 || strcmp(faults.items[0].pointer, "?") != 0)
            fail_msg("%s was taken", BAD[i]);
    }
}

static void many_and_long_ones_are_refused(void **state)
{
    char many[400] = "", text[3 * QUERY_MAX_BYTES];
    Query q;
    (void)state;
    for (int i = 0; i <= QUERY_MAX_PAIRS; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "p%d=&", i);
    query_parse(many, &q);
    assert_non_null(q.fault);
    assert_int_equal(q.count, QUERY_MAX_PAIRS);

    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    query_parse(text, &q);
    assert_non_null(q.fault);
    text[10] = '=';
    query_parse(text, &q);
    assert_non_null(q.fault);
    query_parse(NULL, &q);
    assert_null(q.fault);
    assert_int_equal(q.count, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_decoded_and_bounded),
        cmocka_unit_test(parameters_are_found_by_their_prefix),
        cmocka_unit_test(every_fault_is_named),
        cmocka_unit_test(numbers_are_digits_only),
        cmocka_unit_test(what_cannot_be_read_is_a_fault),
        cmocka_unit_test(many_and_long_ones_are_refused),
    };
    return RUN_TESTS(tests);
}
