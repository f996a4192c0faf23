/* tests/server/http/test_access.c -- whom the daemon answers: hosts, pages of others, tokens. */
#include "server/http/access.h"

#include <stdlib.h>
#include <string.h>

#include "tests/check.h"

typedef struct {
    const char *method, *host, *origin, *site, *mode, *forwarded, *authorization;
    int status;  // 0: let through
    bool open;
    bool look;  // changes nothing
} Case;

static int ask(const AccessRules *rules, const Case *c)
{
    const char *const pairs[][2] = {
        {"Host", c->host},
        {"Origin", c->origin},
        {"Sec-Fetch-Site", c->site},
        {"Sec-Fetch-Mode", c->mode},
        {"X-Forwarded-Host", c->forwarded},
        {"Authorization", c->authorization},
    };
    HeaderList headers = {0};
    Response res = RESPONSE_EMPTY;
    for (size_t i = 0; i < COUNT(pairs); i++)
        if (pairs[i][1])
            header_list_add(&headers, (Header){pairs[i][0], pairs[i][1], strlen(pairs[i][0]),
                                               strlen(pairs[i][1])});
    const AccessRequest request = {&headers, c->method, header_list_get(&headers, "Host"), c->open,
                                   c->look};
    const bool ok = access_check(rules, &request, &res);
    const int status = res.status;
    assert_int_equal(ok, status == 0);
    response_free(&res);
    header_list_free(&headers);
    return status;
}

static void check_all(const AccessRules *rules, const Case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const int status = ask(rules, &cases[i]);
        if (status != cases[i].status)
            fail_msg("case %zu: %d, not %d", i, status, cases[i].status);
    }
}

static const char US[] = "127.0.0.1:8080", EVIL[] = "http://evil.example";

/* What a browser of today says counts, whatever a proxy has put into Host. */
static void a_page_is_judged_by_what_its_browser_says(void **state)
{
    static const Case CASES[] = {
        {"POST", US, "http://lab.example", "same-origin", "cors", NULL, NULL, 0, false, false},
        {"DELETE", US, NULL, "same-origin", "cors", NULL, NULL, 0, false, false},
        {"POST", US, NULL, "none", "navigate", NULL, NULL, 0, false, false},
        {"POST", US, EVIL, "cross-site", "no-cors", NULL, NULL, 403, false, false},
        {"POST", US, "http://127.0.0.1:8080", "cross-site", "cors", NULL, NULL, 403, false, false},
        {"POST", US, "http://localhost:3000", "same-site", "cors", NULL, NULL, 403, false, false},
        {"POST", US, EVIL, "cross-site", "navigate", NULL, NULL, 403, false, false},
        {"POST", US, EVIL, "SAME-ORIGIN", "cors", NULL, NULL, 403, false, false},
        {"GET", US, NULL, "cross-site", "navigate", NULL, NULL, 0, false, false},
        {"GET", US, NULL, "cross-site", "no-cors", NULL, NULL, 403, false, false},
        {"GET", US, EVIL, "cross-site", "cors", NULL, NULL, 403, false, false},
        {"GET", US, NULL, "same-site", "no-cors", NULL, NULL, 403, false, false},
        {"GET", US, NULL, "cross-site", "no-cors", NULL, NULL, 0, true, false},
    };
    (void)state;
    check_all(&(AccessRules){0}, CASES, COUNT(CASES));
}

static void without_that_the_origin_must_be_ours(void **state)
{
    static const Case CASES[] = {
        {"POST", US, NULL, NULL, NULL, NULL, NULL, 0, false, false},
        {"POST", US, "http://127.0.0.1:8080", NULL, NULL, NULL, NULL, 0, false, false},
        {"POST", US, "http://127.0.0.1:8081", NULL, NULL, NULL, NULL, 403, false, false},
        {"POST", US, EVIL, NULL, NULL, NULL, NULL, 403, false, false},
        {"POST", US, "null", NULL, NULL, NULL, NULL, 403, false, false},
        {"GET", US, EVIL, NULL, NULL, NULL, NULL, 403, false, false},
        {"POST", US, "http://lab.example", NULL, NULL, "lab.example", NULL, 0, false, false},
        {"POST", US, "http://lab.example.evil", NULL, NULL, "lab.example", NULL, 403, false, false},
        {"POST", US, "http://runs.example:81", NULL, NULL, NULL, NULL, 0, false, false},
        {"POST", US, "http://runs.example.evil", NULL, NULL, NULL, NULL, 403, false, false},
        {"POST", US, "http://evil/runs.example", NULL, NULL, NULL, NULL, 403, false, false},
    };
    (void)state;
    check_all(&(AccessRules){.hosts = "gpu, runs.example"}, CASES, COUNT(CASES));
}

/* DNS rebinding: for the browser such a page is of our origin. */
static void a_strangers_name_for_us_is_refused_where_no_token_is_needed(void **state)
{
    static const Case CASES[] = {
        {"GET", "evil.example", NULL, "same-origin", "cors", NULL, NULL, 403, false, false},
        {"GET", "evil.example:8080", NULL, NULL, NULL, NULL, NULL, 403, true, false},
        {"POST", "evil.example", EVIL, "same-origin", "cors", "localhost", NULL, 403, false, false},
        {"GET", "runs.example:80", NULL, "same-origin", "cors", NULL, NULL, 0, false, false},
        {"GET", "RUNS.example", NULL, NULL, NULL, NULL, NULL, 0, false, false},
        {"GET", "runs.example.evil", NULL, NULL, NULL, NULL, NULL, 403, false, false},
        {"GET", "gp", NULL, NULL, NULL, NULL, NULL, 403, false, false},
        {"GET", "localhost:1", NULL, NULL, NULL, NULL, NULL, 0, false, false},
        {"GET", "[::1]:8080", NULL, NULL, NULL, NULL, NULL, 0, false, false},
    };
    const Case with_token = {"GET", "any.example", NULL, NULL,  NULL,
                             NULL,  "Bearer s",    0,    false, false};
    (void)state;
    check_all(&(AccessRules){.hosts = "gpu,runs.example"}, CASES, COUNT(CASES));
    check_all(&(AccessRules){.token = "s"}, &with_token, 1);
}

static void tokens(void **state)
{
    static const Case CASES[] = {
        {"GET", US, NULL, NULL, NULL, NULL, NULL, 401, false, false},
        {"GET", US, NULL, NULL, NULL, NULL, NULL, 0, true, false},
        {"POST", US, NULL, NULL, NULL, NULL, "Bearer write", 0, false, false},
        {"GET", US, NULL, NULL, NULL, NULL, "Bearer read", 0, false, false},
        {"HEAD", US, NULL, NULL, NULL, NULL, "bearer read", 0, false, false},
        {"POST", US, NULL, NULL, NULL, NULL, "Bearer read", 403, false, false},
        {"PATCH", US, NULL, NULL, NULL, NULL, "Bearer read", 403, false, false},
        {"POST", US, NULL, NULL, NULL, NULL, "Bearer read", 0, false, true},
        {"POST", US, NULL, NULL, NULL, NULL, "Bearer readwrite", 401, false, true},
        {"POST", US, NULL, NULL, NULL, NULL, NULL, 401, false, true},
        {"POST", US, NULL, NULL, NULL, NULL, "Bearer readwrite", 401, false, false},
        {"GET", US, NULL, NULL, NULL, NULL, "Bearer rea", 401, false, false},
        {"GET", US, NULL, NULL, NULL, NULL, "Basic read", 401, false, false},
        {"POST", US, EVIL, NULL, NULL, NULL, "Bearer write", 403, false, false},
    };
    (void)state;
    check_all(&(AccessRules){.token = "write", .read_token = "read"}, CASES, COUNT(CASES));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_judged_by_what_its_browser_says),
        cmocka_unit_test(without_that_the_origin_must_be_ours),
        cmocka_unit_test(a_strangers_name_for_us_is_refused_where_no_token_is_needed),
        cmocka_unit_test(tokens),
    };
    return RUN_TESTS(tests);
}
