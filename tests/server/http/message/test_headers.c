#include "server/http/message/headers.h"

#include "tests/check.h"

static void accept_chooses_by_quality_and_closeness(void **state)
{
    static const char *const OFFERS[] = {"application/json", "text/csv"};
    static const struct {
        const char *accept;
        int want;
    } CASES[] = {
        {NULL, 0},
        {"", 0},
        {"*/*", 0},
        {"text/csv", 1},
        {"TEXT/CSV", 1},
        {"text/*", 1},
        {"application/json, text/csv", 0},
        {"text/csv, application/json;q=0.5", 1},
        {"text/csv;q=0.4, application/json;q=0.5", 0},
        {"text/csv;q=0.001, application/json;q=0", 1},
        {"*/*;q=0.1, text/csv", 1},
        {"application/json;q=0, */*", 1},
        {"text/csv; charset=utf-8; q=0.9,application/json;q=0.8", 1},
        {"text/html", -1},
        {"application/json;q=0", -1},
        {"text/csvx", -1},
        {"text", -1},
        {"*", -1},
        {",,;q=,", -1},
        {"text/csv;q=2", -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++)
        if (accept_choose(CASES[i].accept, OFFERS, 2) != CASES[i].want)
            fail_msg("Accept: %s gives %d, want %d", CASES[i].accept,
                     accept_choose(CASES[i].accept, OFFERS, 2), CASES[i].want);
}

static void content_types_compare_without_parameters(void **state)
{
    (void)state;
    assert_true(content_type_is("application/json", "application/json"));
    assert_true(content_type_is(" Application/JSON; charset=utf-8", "application/json"));
    assert_false(content_type_is("application/jsonx", "application/json"));
    assert_false(content_type_is("application", "application/json"));
    assert_false(content_type_is("", "application/json"));
    assert_false(content_type_is(NULL, "application/json"));
}

static void ranges_of_a_thousand_bytes(void **state)
{
    static const struct {
        const char *header;
        RangeKind kind;
        int64_t first, last;
    } CASES[] = {
        {NULL, RANGE_NONE, 0, 0},
        {"bytes=0-0", RANGE_PART, 0, 0},
        {"bytes=0-999", RANGE_PART, 0, 999},
        {"bytes=10-", RANGE_PART, 10, 999},
        {"bytes=10-5000", RANGE_PART, 10, 999},
        {"bytes=999-", RANGE_PART, 999, 999},
        {"bytes=-1", RANGE_PART, 999, 999},
        {"bytes=-5000", RANGE_PART, 0, 999},
        {"Bytes= 5-6 ", RANGE_PART, 5, 6},
        {"bytes=1000-", RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=5000-6000", RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0", RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=6-5", RANGE_NONE, 0, 0},
        {"bytes=0-1,5-6", RANGE_NONE, 0, 0},
        {"bytes=", RANGE_NONE, 0, 0},
        {"bytes=-", RANGE_NONE, 0, 0},
        {"bytes=a-b", RANGE_NONE, 0, 0},
        {"bytes=1", RANGE_NONE, 0, 0},
        {"bytes=--1", RANGE_NONE, 0, 0},
        {"bytes=99999999999999999999-", RANGE_NONE, 0, 0},
        {"lines=0-1", RANGE_NONE, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        int64_t first = 0, last = 0;
        const RangeKind kind = range_parse(CASES[i].header, 1000, &first, &last);
        const bool same_part =
            kind != RANGE_PART || (first == CASES[i].first && last == CASES[i].last);
        if (kind != CASES[i].kind || !same_part)
            fail_msg("%s gives kind %d, %d-%d", CASES[i].header, kind, (int)first, (int)last);
    }
    int64_t first, last;
    assert_int_equal(range_parse("bytes=0-", 0, &first, &last), RANGE_UNSATISFIABLE);
    assert_int_equal(range_parse("bytes=-1", 0, &first, &last), RANGE_UNSATISFIABLE);
}

static void bearer_tokens_and_nothing_else(void **state)
{
    (void)state;
    assert_string_equal(bearer_token("Bearer secret"), "secret");
    assert_string_equal(bearer_token("bearer   secret"), "secret");
    assert_null(bearer_token("Basic secret"));
    assert_null(bearer_token("Bearer "));
    assert_null(bearer_token("Bearer"));
    assert_null(bearer_token(NULL));
}

static void secrets_are_equal_only_to_themselves(void **state)
{
    (void)state;
    assert_true(secret_equal("correct horse", "correct horse"));
    assert_false(secret_equal("correct hors", "correct horse"));
    assert_false(secret_equal("correct horsf", "correct horse"));
    assert_false(secret_equal("Correct horse", "correct horse"));
    assert_false(secret_equal("correct horse battery", "correct horse"));
    assert_false(secret_equal("abab", "ab"));  // the ring that it is compared around
    assert_false(secret_equal("", "correct horse"));
    assert_false(secret_equal("", ""));  // no secret lets nobody in
}

static void only_local_names_and_numbers_are_hosts_of_ours(void **state)
{
    static const char *const YES[] = {NULL,          "localhost",      "LOCALHOST:8080",
                                      "127.0.0.1",   "127.0.0.1:8080", "[::1]",
                                      "[::1]:65535", "192.168.1.7:80", "runs.localhost:8080",
                                      "localhost.",  "localhost.:80"};
    static const char *const NO[] = {"evil.example",
                                     "127.0.0.1.evil.example:8080",
                                     "localhost.evil",
                                     "[::1",
                                     "[evil]:80",
                                     "127.0.0.1:8x",
                                     "127.0.0.1@evil",
                                     ".localhost.",
                                     "localhost..",
                                     "[::1.]",
                                     "::1"};
    (void)state;
    for (size_t i = 0; i < COUNT(YES); i++)
        if (!host_is_local_name(YES[i]))
            fail_msg("%s was refused", YES[i]);
    for (size_t i = 0; i < COUNT(NO); i++)
        if (host_is_local_name(NO[i]))
            fail_msg("%s was taken", NO[i]);
}

static void origins_are_compared_with_the_host(void **state)
{
    (void)state;
    assert_true(origin_is_host("http://localhost:8080", "localhost:8080"));
    assert_true(origin_is_host("https://runs.example.org", "runs.example.org"));
    assert_false(origin_is_host("http://localhost:8081", "localhost:8080"));
    assert_false(origin_is_host("null", "localhost:8080"));
    assert_false(origin_is_host("http://localhost:8080", NULL));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_chooses_by_quality_and_closeness),
        cmocka_unit_test(content_types_compare_without_parameters),
        cmocka_unit_test(ranges_of_a_thousand_bytes),
        cmocka_unit_test(bearer_tokens_and_nothing_else),
        cmocka_unit_test(secrets_are_equal_only_to_themselves),
        cmocka_unit_test(only_local_names_and_numbers_are_hosts_of_ours),
        cmocka_unit_test(origins_are_compared_with_the_host),
    };
    return RUN_TESTS(tests);
}
