/* tests/server/api/test_routes.c -- the table of routes against openapi.json. That the daemon knows
 * whatever is described there is for tests/api/system.test.js; here, that whatever it knows is
 * described. */
#include "server/api/routes.h"

#include <cJSON.h>
#include <ctype.h>

#include "server/api/system/openapi.h"
#include "tests/check.h"

/* "/v1/jobs/{job}" and "/v1/jobs/:job" are one path: what fills a segment has names of its own in
 * the description. A second row with a slash at the end, for clients that ask so, is the same. */
static bool paths_equal(const char *pattern, const char *described)
{
    while (*pattern && *described) {
        if (*pattern == ':' && *described == '{') {
            pattern += strcspn(pattern, "/");
            described += strcspn(described, "/");
        } else if (*pattern++ != *described++) {
            return false;
        }
    }
    return !*described && (!*pattern || strcmp(pattern, "/") == 0);
}

static bool is_described(const cJSON *paths, const Route *route)
{
    char method[16] = "";
    for (size_t i = 0; i + 1 < sizeof method && route->method[i]; i++)
        method[i] = (char)tolower((unsigned char)route->method[i]);
    const cJSON *path;
    cJSON_ArrayForEach(path, paths)
    {
        if (paths_equal(route->pattern, path->string)
            && cJSON_GetObjectItemCaseSensitive(path, method))
            return true;
    }
    return false;
}

static void every_route_is_described(void **state)
{
    (void)state;
    size_t size, count;
    const char *text = openapi_text(&size);
    cJSON *description = cJSON_ParseWithLength(text, size);
    const cJSON *paths = cJSON_GetObjectItemCaseSensitive(description, "paths");
    assert_true(cJSON_GetArraySize(paths) > 0);
    const Route *routes = routes_table(&count);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        if (!is_described(paths, &routes[i]))
            fail_msg("openapi.json does not describe %s %s", routes[i].method, routes[i].pattern);
    }
    cJSON_Delete(description);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_route_is_described)};
    return RUN_TESTS(tests);
}
