/* tests/fuzz/fuzz_request.c -- any bytes at all as a request: method, path, query and headers are
 * routed, read or refused, and what comes out of them keeps its promises.
 *
 *     GET /v1/jobs/job_1/epochs?after=3
 *     Accept: text/csv
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "server/api/routes.h"
#include "server/base/ids.h"
#include "server/base/json/json_text.h"
#include "server/http/message/etag.h"
#include "server/http/message/headers.h"

enum { FILE_SIZE = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Texts that go into the answer must be fit for JSON and the log. */
static void check_clean(const char *text)
{
    assert(utf8_valid(text));
    for (; *text; text++)
        assert((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void fuzz_route(const char *method, const char *path)
{
    char params[REQUEST_PARAMS][REQUEST_PARAM] = {{0}}, allow[96];
    size_t count;
    const Route *routes = routes_table(&count);
    const RouteMatch match = router_find(routes, count, method, path, params);
    router_allow(routes, count, path, allow, sizeof allow);
    assert(match.path_known == (strcmp(allow, "OPTIONS") != 0));
    if (!match.route)
        return;
    assert(match.path_known && strstr(allow, match.route->method));
    for (int i = 0; i < REQUEST_PARAMS; i++) {
        check_clean(params[i]);
        assert(!strchr(params[i], '/') && strcmp(params[i], "..") != 0);
    }
    int64_t id;
    if (job_id_parse(params[0], &id)) {
        char again[ID_TEXT];
        job_id_format(id, again);
        assert(id > 0 && strcmp(again, params[0]) == 0);
    }
}

static void fuzz_query(const char *text)
{
    static const char *const NAMES[] = {"after", "limit", "status"};
    Faults faults = {.count = 0};
    Query query;
    query_parse(text, &query);
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        const int64_t value = query_integer(&query, NAMES[i], 20, 1, 1000, &faults);
        assert(value >= 1 && value <= 1000);
    }
    const char *rest;
    int next = 0;
    while (query_next(&query, "metadata.", &next, &rest, &faults))
        check_clean(rest);
    query_flag(&query, "dry_run", false, &faults);
    query_finish(&query, &faults);
    for (int i = 0; i < query.count; i++) {
        check_clean(query.pairs[i].name);
        check_clean(query.pairs[i].value);
    }
    for (int i = 0; i < faults.count && i < FAULTS_MAX; i++) {
        check_clean(faults.items[i].pointer);
        check_clean(faults.items[i].detail);
    }
}

static void fuzz_header(const char *value)
{
    static const char *const OFFERS[] = {"application/json", "text/csv"};
    int64_t first = -1, last = -1;
    const int choice = accept_choose(value, OFFERS, 2);
    assert(choice >= -1 && choice < 2);
    if (range_parse(value, FILE_SIZE, &first, &last) == RANGE_PART)
        assert(0 <= first && first <= last && last < FILE_SIZE);
    assert(secret_equal(value, value) == (*value != '\0'));
    const char *token = bearer_token(value);
    assert(!token || *token);
    assert(!etag_named_strongly(value, "\"0123\"") || etag_named_weakly(value, "\"0123\""));
    assert(etag_condition(value, value, "\"0123\"", false) == CONDITION_FAILED);
    content_type_is(value, "application/json");
    host_is_local_name(value);
    origin_is_host(value, "localhost:8080");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = xcalloc(size + 1, 1), *rest = text;
    memcpy(text, bytes, size);
    const char *line = strsep(&rest, "\n");
    char *copy = xstrdup(line), *path = copy;
    const char *method = strsep(&path, " ");
    char *query = path ? strchr(path, '?') : NULL;
    if (query)
        *query++ = '\0';
    fuzz_route(method, path ? path : "");
    fuzz_query(query);
    free(copy);
    while (rest) {
        line = strsep(&rest, "\n");
        const char *value = strstr(line, ": ");
        fuzz_header(value ? value + 2 : line);
    }
    free(text);
    return 0;
}
