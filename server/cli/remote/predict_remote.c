#include "server/cli/remote/predict_remote.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "server/base/json/json_fields.h"
#include "server/base/text/base64.h"
#include "server/cli/input.h"
#include "server/cli/remote/daemon_client.h"

enum { MAX_FILE = 64 << 20 };

static char *body_of(const char *bytes, size_t size)
{
    char *base64 = base64_encode(bytes, size);
    char *body = xasprintf("{\"images\":[{\"base64\":\"%s\"}]}", base64);
    free(base64);
    return body;
}

/* {"classes":[{"name","probability"}, ...]}, whatever else they say. */
static bool is_prediction(const cJSON *json)
{
    const cJSON *class, *classes = cJSON_GetObjectItemCaseSensitive(json, "classes");
    cJSON_ArrayForEach(class, classes)
    {
        if (!json_text_at(class, "name") || isnan(json_number_at(class, "probability", NAN)))
            return false;
    }
    return cJSON_GetArraySize(classes) > 0;
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
    if (ok && is_prediction(cJSON_GetArrayItem(list, 0)))
        *prediction = cJSON_DetachItemFromArray(list, 0);
    else if (ok)
        daemon_answer_strange(err);
    cJSON_Delete(json);
    free(body);
    free(target);
    free(bytes);
    return *prediction != NULL || fail_in(err, "%s", input_label(path));
}
