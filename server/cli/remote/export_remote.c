#include "server/cli/remote/export_remote.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

/* Of a model that is named alone: that of the alias production, else the newest, as the daemon
 * itself reads such a name. */
static cJSON *take_default(cJSON *model)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(model, "versions");
    const cJSON *aliases = cJSON_GetObjectItemCaseSensitive(model, "aliases");
    const cJSON *production = cJSON_GetObjectItemCaseSensitive(aliases, "production");
    cJSON *version = list ? list->child : NULL;
    while (
        production && version
        && !cJSON_Compare(cJSON_GetObjectItemCaseSensitive(version, "version"), production, true))
        version = version->next;
    return cJSON_DetachItemViaPointer(list, version);
}

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
        cJSON *version_named = take_default(json);
        cJSON_Delete(json);
        json = version_named;
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
