#include "server/cli/predict_remote.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "server/base/base64.h"
#include "server/base/files.h"
#include "server/base/json_text.h"
#include "server/cli/daemon_client.h"

enum { MAX_FILE = 64 << 20, MAX_TOKEN_FILE = 4096, TIMEOUT_SECONDS = 60 };

static bool read_server(const PredictRemote *r, ServerConfig *config, Error *err)
{
    static const char SCHEME[] = "http://";
    const bool plain = strncmp(r->server, SCHEME, strlen(SCHEME)) == 0;
    const char *at = r->server + (plain ? strlen(SCHEME) : 0);
    const size_t length = strcspn(at, "/");
    if (strlen(at) > length + 1)
        return fail(err, ERR_INVALID, "--server must be http://HOST:PORT, got \"%.80s\"",
                    r->server);
    snprintf(config->listen, sizeof config->listen, "%.*s", (int)length, at);
    return true;
}

static bool read_token(const PredictRemote *r, ServerConfig *config, Error *err)
{
    const char *token = getenv("GOOGLENETD_TOKEN");
    char *text = NULL;
    if (r->token_file) {
        if (!file_text(r->token_file, MAX_TOKEN_FILE, &text, NULL, err))
            return false;
        text[strcspn(text, "\r\n")] = '\0';
        token = text;
    }
    snprintf(config->token, sizeof config->token, "%s", token ? token : "");
    free(text);
    return true;
}

/* The path of the call; NULL: no model has such a name. */
static char *path_of(const PredictRemote *r)
{
    for (const char *c = r->model; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_.@", *c))
            return NULL;
    return xasprintf("/v1/models/%s/predict?top_k=%d", r->model, r->top_k);
}

static char *body_of(const char *bytes, size_t size)
{
    char *base64 = base64_encode(bytes, size);
    char *body = xasprintf("{\"images\":[{\"base64\":\"%s\"}]}", base64);
    free(base64);
    return body;
}

static bool take_answer(const DaemonAnswer *answer, const char *path, cJSON **prediction,
                        Error *err)
{
    cJSON *json = json_parse_text("answer", answer->body, strlen(answer->body), NULL);
    const cJSON *detail = cJSON_GetObjectItemCaseSensitive(json, "detail");
    cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "predictions");
    *prediction = answer->status == 200 ? cJSON_DetachItemFromArray(list, 0) : NULL;
    if (!*prediction)
        fail(err, ERR_INVALID, "%s: %d, %s", path, answer->status,
             cJSON_IsString(detail) ? detail->valuestring : "the answer is not the daemon's");
    cJSON_Delete(json);
    return *prediction != NULL;
}

bool predict_remote(const PredictRemote *r, const char *path, cJSON **prediction, Error *err)
{
    ServerConfig *config = xcalloc(1, sizeof *config);
    DaemonAnswer answer = {0};
    char *bytes = NULL, *body = NULL, *target = path_of(r);
    size_t size = 0;
    bool ok = target || fail(err, ERR_INVALID, "no model has the name \"%.80s\"", r->model);
    ok = ok && read_server(r, config, err) && read_token(r, config, err)
         && file_text(path, MAX_FILE, &bytes, &size, err);
    if (ok) {
        body = body_of(bytes, size);
        const DaemonRequest request = {
            .method = "POST", .path = target, .body = body, .timeout_seconds = TIMEOUT_SECONDS};
        ok = daemon_ask(config, &request, &answer, err)
             && take_answer(&answer, path, prediction, err);
    }
    daemon_answer_free(&answer);
    free(target);
    free(body);
    free(bytes);
    free(config);
    return ok;
}
