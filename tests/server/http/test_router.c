#include "server/http/router.h"

#include <string.h>

#include "tests/check.h"

static bool answer_nothing(App *app, const Request *req, Response *res, Error *err)
{
    (void)app, (void)req, (void)res, (void)err;
    return true;
}

static const Route ROUTES[] = {
    {"GET", "/livez", answer_nothing, BODY_NONE, OPEN, READS},
    {"GET", "/v1/jobs", answer_nothing, BODY_NONE, TOKEN, READS},
    {"POST", "/v1/jobs", answer_nothing, BODY_JSON, TOKEN, READS},
    {"GET", "/v1/jobs/:job", answer_nothing, BODY_NONE, TOKEN, READS},
    {"DELETE", "/v1/jobs/:job", answer_nothing, BODY_NONE, TOKEN, READS},
    {"GET", "/v1/jobs/:job/checkpoints/:checkpoint", answer_nothing, BODY_NONE, TOKEN, READS},
};

static void paths_find_their_row_and_its_parameters(void **state)
{
    static const struct {
        const char *method, *path;
        int row;
        const char *first, *second;
    } CASES[] = {
        {"GET", "/livez", 0, "", ""},
        {"HEAD", "/livez", 0, "", ""},
        {"POST", "/v1/jobs", 2, "", ""},
        {"GET", "/v1/jobs/job_7", 3, "job_7", ""},
        {"DELETE", "/v1/jobs/job_7", 4, "job_7", ""},
        {"GET", "/v1/jobs/job%5F7", 3, "job_7", ""},
        {"GET", "/v1/%6Aobs", 1, "", ""},
        {"GET", "/v1/jobs/a/checkpoints/step_3", 5, "a", "step_3"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char params[REQUEST_PARAMS][REQUEST_PARAM] = {{0}};
        const RouteMatch m =
            router_find(ROUTES, COUNT(ROUTES), CASES[i].method, CASES[i].path, params);
        assert_ptr_equal(m.route, &ROUTES[CASES[i].row]);
        assert_string_equal(params[0], CASES[i].first);
        assert_string_equal(params[1], CASES[i].second);
    }
}

static void strange_paths_find_nothing(void **state)
{
    static const char *const PATHS[] = {
        "",
        "*",
        "livez",
        "/",
        "//livez",
        "/livez/",
        "/v1/jobs/",
        "/v1//jobs",
        "/v1/jobs/.",
        "/v1/jobs/..",
        "/v1/jobs/%2e%2e",
        "/v1/jobs/a/../b",
        "/v1/jobs/a%2Fb",
        "/v1/jobs/a%00",
        "/v1/jobs/%ff",
        "/v1/jobs/%",
        "/v1/jobs/a/checkpoints",
        "/v1/jobs/a/checkpoints/b/c",
        ("/v1/jobs/0123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456789012345678901234567890123456789012345678901234567890123456789"),
        "http://localhost/livez",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(PATHS); i++) {
        char params[REQUEST_PARAMS][REQUEST_PARAM];
        const RouteMatch m = router_find(ROUTES, COUNT(ROUTES), "GET", PATHS[i], params);
        if (m.route || m.path_known)
            fail_msg("%s was found", PATHS[i]);
    }
}

static void wrong_methods_know_the_right_ones(void **state)
{
    char params[REQUEST_PARAMS][REQUEST_PARAM], allow[96];
    (void)state;
    const RouteMatch m = router_find(ROUTES, COUNT(ROUTES), "PUT", "/v1/jobs/job_7", params);
    assert_null(m.route);
    assert_true(m.path_known);
    router_allow(ROUTES, COUNT(ROUTES), "/v1/jobs/job_7", allow, sizeof allow);
    assert_string_equal(allow, "OPTIONS, GET, HEAD, DELETE");
    router_allow(ROUTES, COUNT(ROUTES), "/v1/jobs", allow, sizeof allow);
    assert_string_equal(allow, "OPTIONS, GET, HEAD, POST");
    // Methods are words of their own case.
    assert_null(router_find(ROUTES, COUNT(ROUTES), "get", "/livez", params).route);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_row_and_its_parameters),
        cmocka_unit_test(strange_paths_find_nothing),
        cmocka_unit_test(wrong_methods_know_the_right_ones),
    };
    return RUN_TESTS(tests);
}
