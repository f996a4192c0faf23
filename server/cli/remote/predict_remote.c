#include "server/cli/remote/predict_remote.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "server/base/text/base64.h"
#include "server/cli/input.h"

enum { MAX_FILE = 64 << 20 };

static char *body_of(const char *bytes, size_t size)
{
    char *base64 = base64_encode(bytes, size);
    char *body = xasprintf("{\"images\":[{\"base64\":\"%s\"}]}", base64);
    free(base64);
    return body;
}

bool predict_remote(Remote *remote, const char *model, int top_k, const char *path,
                    cJSON **prediction, Error *err)
{
    char *bytes = NULL;
    size_t size = 0;
    cJSON *json = NULL;
    *prediction = NULL;
    if (!remote_reference(model, err) || !input_text(path, MAX_FILE, &bytes, &size, err))
        return false;
    char *target = xasprintf("/v1/models/%s/predict?top_k=%d", model, top_k);
    char *body = body_of(bytes, size);
    const bool ok = remote_call(remote, "POST", target, body, &json, err);
    cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "predictions");
    if (ok)
        *prediction = cJSON_DetachItemFromArray(list, 0);
    if (ok && !*prediction)
        fail(err, ERR_INVALID, "the answer is not the daemon's");
    cJSON_Delete(json);
    free(body);
    free(target);
    free(bytes);
    return *prediction != NULL || fail_in(err, "%s", input_label(path));
}
