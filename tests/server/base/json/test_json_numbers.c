/* tests/server/base/json/test_json_numbers.c -- long arrays of numbers beside a small tree. */
#include "server/base/json/json_numbers.h"

#include <stdio.h>

#include "tests/check.h"

enum { MANY = 1000 };

/* {"a":[0,1.5,3,...]} with so many numbers, `open` and `close` around them. */
static char *text_of(int count, const char *open, const char *close)
{
    char *text = xcalloc((size_t)count * 16 + 200, 1), *at = text;
    at += sprintf(at, "%s", open);
    for (int i = 0; i < count; i++)
        at += sprintf(at, "%s%g", i ? ", " : "", 1.5 * i);
    sprintf(at, "%s", close);
    return text;
}

static void check_numbers(const JsonNumbers *n, const char *name, int count)
{
    size_t got = 0;
    float *numbers = json_numbers_of(n, cJSON_GetObjectItem(n->json, name), MANY, &got);
    assert_non_null(numbers);
    assert_int_equal(got, count);
    for (int i = 0; i < count; i++)
        assert_true(numbers[i] == (float)(1.5 * i));
    free(numbers);
}

static void arrays_are_read_long_or_short_flat_or_nested(void **state)
{
    (void)state;
    for (int count = 0; count <= MANY; count = count < 40 ? count + 1 : count * 5) {
        char *flat = text_of(count, "{\"x\":\"a[1,2\",\"a\":[", "] ,\"y\":{}}");
        char *deep = text_of(count, "{\"a\":[[ [", "]],[]]}");
        JsonNumbers n;
        Error err = {0};
        CHECK_OK(json_numbers_read("body", flat, strlen(flat), &n, &err), err);
        check_numbers(&n, "a", count);
        assert_string_equal(cJSON_GetObjectItem(n.json, "x")->valuestring, "a[1,2");
        assert_int_equal(n.count, count >= 16);
        json_numbers_free(&n);
        CHECK_OK(json_numbers_read("body", deep, strlen(deep), &n, &err), err);
        check_numbers(&n, "a", count);
        json_numbers_free(&n);
        free(flat);
        free(deep);
    }
}

static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    static const char *const ENDS[] = {"",      ",]}",   " 1]}",  ",01]}",  ",1.]}",
                                       ",.5]}", ",+1]}", ",1e]}", ",nan]}", ",\"]}",
                                       "]",     "}",     ",-]}"};
    for (size_t i = 0; i < COUNT(ENDS); i++) {
        char *text = text_of(50, "{\"a\":[", ENDS[i]);
        JsonNumbers n;
        Error err = {0};
        assert_false(json_numbers_read("body", text, strlen(text), &n, &err));
        assert_int_equal(err.code, ERR_INVALID);
        free(text);
    }
}

static void bounds_hold(void **state)
{
    (void)state;
    char *text = text_of(MANY, "{\"a\":[", "],\"b\":[1,\"x\"],\"c\":7}");
    JsonNumbers n;
    Error err = {0};
    size_t count;
    CHECK_OK(json_numbers_read("body", text, strlen(text), &n, &err), err);
    assert_null(json_numbers_of(&n, cJSON_GetObjectItem(n.json, "a"), MANY - 1, &count));
    assert_null(json_numbers_of(&n, cJSON_GetObjectItem(n.json, "b"), MANY, &count));
    assert_null(json_numbers_of(&n, cJSON_GetObjectItem(n.json, "c"), MANY, &count));
    assert_null(json_numbers_of(&n, NULL, MANY, &count));
    json_numbers_free(&n);
    free(text);
    enum { HOLLOW = 100000 };
    text = xcalloc(3 * HOLLOW + 10, 1);
    strcpy(text, "[");
    for (int i = 0; i < HOLLOW; i++)
        memcpy(text + 1 + 3 * i, "[],", 3);
    memcpy(text + 1 + 3 * HOLLOW - 1, "]", 2);
    CHECK_REFUSED(json_numbers_read("body", text, strlen(text), &n, &err), err, ERR_INVALID,
                  "body: too many values beside long arrays of numbers");
    free(text);
}

/* A mark that a client writes itself reaches its own arrays and nothing else. */
static void a_forged_mark_does_no_harm(void **state)
{
    (void)state;
    const char *text = "{\"a\":\"\\u0001numbers 0\"}";
    JsonNumbers n;
    Error err = {0};
    size_t count;
    CHECK_OK(json_numbers_read("body", text, strlen(text), &n, &err), err);
    assert_null(json_numbers_of(&n, cJSON_GetObjectItem(n.json, "a"), MANY, &count));
    json_numbers_free(&n);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_are_read_long_or_short_flat_or_nested),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(a_forged_mark_does_no_harm),
    };
    return RUN_TESTS(tests);
}
