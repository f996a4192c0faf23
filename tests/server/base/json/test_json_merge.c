/* tests/server/base/json/test_json_merge.c -- merge patches, by the examples of RFC 7396. */
#include "server/base/json/json_merge.h"

#include <stdio.h>
#include <string.h>

#include "tests/check.h"

/* `patch` on `target`; the text is from cJSON. */
static char *merged(const char *target, const char *patch, Faults *faults)
{
    cJSON *to = cJSON_Parse(target), *from = cJSON_Parse(patch);
    *faults = (Faults){.count = 0};
    json_merge(to, from, "", faults);
    char *text = cJSON_PrintUnformatted(to);
    cJSON_Delete(to);
    cJSON_Delete(from);
    return text;
}

/* Appendix A, as far as both are objects. */
static void examples_of_the_rfc(void **state)
{
    (void)state;
    static const char *const CASES[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
        {"{\"a\":\"b\"}", "{\"a\":{\"b\":null,\"c\":1}}", "{\"a\":{\"c\":1}}"},
        {"{\"A\":1}", "{\"a\":null}", "{\"A\":1}"},
        {"{\"a\":1,\"b\":2}", "{\"a\":{\"c\":3}}", "{\"a\":{\"c\":3},\"b\":2}"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        Faults faults;
        char *text = merged(CASES[i][0], CASES[i][1], &faults);
        assert_string_equal(text, CASES[i][2]);
        assert_int_equal(faults.count, 0);
        cJSON_free(text);
    }
}

static void a_name_that_is_given_twice_is_a_fault(void **state)
{
    (void)state;
    Faults faults;
    cJSON_free(
        merged("{\"a\":{\"b\":1}}", "{\"a\":{\"b\":2,\"b\":3},\"x/y\":1,\"x/y\":null}", &faults));
    assert_int_equal(faults.count, 2);
    assert_string_equal(faults.items[0].pointer, "/a/b");
    assert_string_equal(faults.items[0].detail, "is given twice");
    assert_string_equal(faults.items[1].pointer, "/x~1y");
}

static void an_object_with_too_many_members_is_a_fault(void **state)
{
    (void)state;
    cJSON *to = cJSON_CreateObject(), *from = cJSON_CreateObject();
    Faults faults = {.count = 0};
    char name[16];
    for (int i = 0; i <= MERGE_MOST_FIELDS; i++) {
        snprintf(name, sizeof name, "f%d", i);
        cJSON_AddNumberToObject(from, name, i);
    }
    json_merge(to, from, "/metadata", &faults);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.items[0].pointer, "/metadata");
    assert_int_equal(cJSON_GetArraySize(to), 0);
    cJSON_DeleteItemFromObjectCaseSensitive(from, "f0");
    faults.count = 0;
    json_merge(to, from, "/metadata", &faults);
    assert_int_equal(faults.count, 0);
    assert_int_equal(cJSON_GetArraySize(to), MERGE_MOST_FIELDS);
    cJSON_Delete(to);
    cJSON_Delete(from);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfc),
        cmocka_unit_test(a_name_that_is_given_twice_is_a_fault),
        cmocka_unit_test(an_object_with_too_many_members_is_a_fault),
    };
    return RUN_TESTS(tests);
}
