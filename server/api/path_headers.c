#include "server/api/path_headers.h"

#include <inttypes.h>
#include <string.h>

#include "server/api/datasets/tus.h"

/* Whether the path is `root` or below it. */
static bool is_under(const char *path, const char *root)
{
    const size_t length = strlen(root);
    return strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static void add_tus_headers(const App *app, const char *method, Response *res)
{
    response_header(res, "Tus-Resumable", "%s", TUS_VERSION);
    if (strcmp(method, "OPTIONS") != 0)
        return;
    response_header(res, "Tus-Version", "%s", TUS_VERSION);
    response_header(res, "Tus-Extension", "%s", TUS_EXTENSIONS);
    response_header(res, "Tus-Max-Size", "%" PRId64, uploads_config(app->uploads)->upload_bytes);
}

static void add_v2_error(Response *res)
{
    const cJSON *detail = cJSON_GetObjectItemCaseSensitive(res->problem, "detail");
    if (cJSON_IsString(detail))
        cJSON_AddStringToObject(res->problem, "error", detail->valuestring);
}

void add_path_headers(const App *app, const char *method, const char *path, Response *res)
{
    if (is_under(path, "/v1/uploads"))
        add_tus_headers(app, method, res);
    else if (is_under(path, "/v2"))
        add_v2_error(res);
}
