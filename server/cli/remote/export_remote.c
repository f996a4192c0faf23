#include "server/cli/remote/export_remote.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

/* "/v1/models/shirts/versions/3": the alias and the newest are settled once, so that what is
 * written is what is described. */
static bool find_version(Remote *remote, const char *model, cJSON **version, Error *err)
{
    const char *at = strchr(model, '@');
    const int length = (int)(at ? at - model : (long)strlen(model));
    cJSON *json = NULL;
    char *path = at ? xasprintf("/v1/models/%.*s/versions/%s", length, model, at + 1)
                    : xasprintf("/v1/models/%s", model);
    const bool ok = remote_call(remote, "GET", path, NULL, &json, err);
    free(path);
    if (ok && !at) {
        cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "versions");
        cJSON *newest = cJSON_DetachItemFromArray(list, 0);
        cJSON_Delete(json);
        json = newest;
    }
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, "version");
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(json, "model");
    if (ok && cJSON_IsNumber(number) && cJSON_IsString(name)) {
        *version = json;
        return true;
    }
    cJSON_Delete(json);
    return ok ? fail(err, ERR_INVALID, "%s has no version", model) : false;
}

bool export_remote(Remote *remote, const ExportRequest *request, cJSON **version, size_t *bytes,
                   Error *err)
{
    *version = NULL;
    if (!remote_reference(request->model, err)
        || !find_version(remote, request->model, version, err))
        return false;
    char *path = xasprintf(
        "/v1/models/%s/versions/%.0f/onnx?fold_batch_norm=%s&preprocessing=%s&probabilities=%s",
        cJSON_GetObjectItemCaseSensitive(*version, "model")->valuestring,
        cJSON_GetObjectItemCaseSensitive(*version, "version")->valuedouble,
        request->keep_batch_norm ? "false" : "true",
        request->without_preprocessing ? "false" : "true",
        request->probabilities ? "true" : "false");
    const bool ok = remote_save(remote, path, NULL, request->file, bytes, err);
    free(path);
    return ok;
}
