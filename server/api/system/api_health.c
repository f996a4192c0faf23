/* Health, and the API's own description. */
#include <string.h>

#include "core/base/memory.h"
#include "server/api/api.h"
#include "server/api/system/openapi.h"

static bool respond_ok(Response *res)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "status", "ok");
    respond_json(res, 200, json);
    res->tagged = false;
    return true;
}

bool get_livez(App *app, const Request *req, Response *res, Error *err)
{
    (void)app;
    (void)req;
    (void)err;
    return respond_ok(res);
}

bool get_readyz(App *app, const Request *req, Response *res, Error *err)
{
    (void)req;
    if (!jobs_ready(app->jobs, err))
        return respond_problem(res, 503, err->reason, "%s", err->message);
    return respond_ok(res);
}

bool get_openapi(App *app, const Request *req, Response *res, Error *err)
{
    size_t size;
    const char *text = openapi_text(&size);
    (void)app;
    (void)req;
    (void)err;
    char *copy = xcalloc(size + 1, 1);
    memcpy(copy, text, size);
    return respond_text(res, "application/json", copy, size);
}
