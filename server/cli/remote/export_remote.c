#include "server/cli/remote/export_remote.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/json/json_fields.h"
#include "server/cli/remote/daemon_client.h"

/* Of a model that is named alone: that of the alias production, else the newest, as the daemon
 * itself reads such a name. */
static cJSON *take_default(cJSON *model, cJSON *list)
{
    const cJSON *aliases = cJSON_GetObjectItemCaseSensitive(model, "aliases");
    const cJSON *production = cJSON_GetObjectItemCaseSensitive(aliases, "production");
    cJSON *version = list->child;
    while (
        production && version
        && !cJSON_Compare(cJSON_GetObjectItemCaseSensitive(version, "version"), production, true))
        version = version->next;
    return cJSON_DetachItemViaPointer(list, version);
}

/* *json, a model, becomes its default version. */
static bool model_to_version(const char *model, cJSON **json, Error *err)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(*json, "versions");
    if (!cJSON_IsArray(list))
        return daemon_answer_strange(err);
    if (!list->child)
        return fail(err, ERR_INVALID, "%s has no version", model);
    cJSON *version = take_default(*json, list);
    cJSON_Delete(*json);
    *json = version;
    return true;
}

/* What it is named by goes into a path, and is printed. */
static bool is_version(const cJSON *json)
{
    const char *name = json_text_at(json, "model");
    return name && *name && remote_reference(name, NULL) && json_number_at(json, "version", 0) >= 1;
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
    const bool ok = remote_call(remote, "GET", path, NULL, &json, err)
                    && (at || model_to_version(model, &json, err))
                    && (is_version(json) || daemon_answer_strange(err));
    free(path);
    if (ok)
        *version = json;
    else
        cJSON_Delete(json);
    return ok;
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
        json_text_at(*version, "model"), json_number_at(*version, "version", 0),
        request->keep_batch_norm ? "false" : "true",
        request->without_preprocessing ? "false" : "true",
        request->probabilities ? "true" : "false");
    const bool ok =
        remote_save(remote, path, "application/octet-stream", request->file, bytes, err);
    free(path);
    return ok;
}
