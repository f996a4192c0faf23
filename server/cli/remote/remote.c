#include "server/cli/remote/remote.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/files/atomic_file.h"
#include "core/base/memory.h"
#include "server/base/files.h"
#include "server/base/json/json_fields.h"
#include "server/base/json/json_text.h"
#include "server/cli/remote/daemon_client.h"

enum {
    MAX_TOKEN_FILE = 4096,
    TIMEOUT_SECONDS = 60,
    JSON_MOST = 64 << 20,  // of an answer
};

#define FILE_MOST ((size_t)4 << 30)

struct Remote {
    ServerConfig config;
};

/* ---- Where ---- */

/* "name:80" to "[2001:db8::1]:80". Without a port it is that of http. */
static bool resolve(const char *server, const char *host, const char *port, ServerConfig *config,
                    Error *err)
{
    char address[NI_MAXHOST];
    struct addrinfo *found;
    const struct addrinfo how = {.ai_socktype = SOCK_STREAM};
    const int status = getaddrinfo(host, port, &how, &found);
    if (status != 0)
        return fail(err, ERR_INVALID, "--server %s: %s", server, gai_strerror(status));
    const bool v6 = found->ai_family == AF_INET6;
    const bool ok = getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof address, NULL, 0,
                                NI_NUMERICHOST)
                        == 0
                    || fail(err, ERR_INVALID, "--server %s has no address", server);
    freeaddrinfo(found);
    if (ok)
        snprintf(config->listen, sizeof config->listen, v6 ? "[%.100s]:%s" : "%.100s:%s", address,
                 port);
    return ok;
}

bool remote_server(const char *server, ServerConfig *config, Error *err)
{
    static const char SCHEME[] = "http://";
    char host[256], port[8] = "80";
    const bool named = strstr(server, "://") != NULL;
    const char *at = server + (strncmp(server, SCHEME, strlen(SCHEME)) == 0 ? strlen(SCHEME) : 0);
    const size_t length = strcspn(at, "/");
    const bool plain = at > server || !named;
    if (!plain || length == 0 || length >= sizeof host || strlen(at) > length + 1)
        return fail(err, ERR_INVALID, "--server must be http://HOST:PORT, got \"%.80s\"", server);
    snprintf(host, sizeof host, "%.*s", (int)length, at);
    char *colon = strrchr(host, ':'), *start = host;
    if (colon && !strchr(colon, ']')) {
        const size_t digits = strspn(colon + 1, "0123456789");
        if (digits == 0 || digits > 5 || colon[1 + digits])
            return fail(err, ERR_INVALID, "--server has no port behind the colon: %.80s", server);
        snprintf(port, sizeof port, "%.5s", colon + 1);
        *colon = '\0';
    }
    const size_t end = strlen(host);
    if (host[0] == '[' && end > 2 && host[end - 1] == ']') {
        host[end - 1] = '\0';
        start++;
    }
    return resolve(server, start, port, config, err);
}

static bool read_token(const char *file, ServerConfig *config, Error *err)
{
    const char *token = getenv("GOOGLENETD_TOKEN");
    char *text = NULL;
    if (file) {
        if (!file_text(file, MAX_TOKEN_FILE, &text, NULL, err))
            return false;
        text[strcspn(text, "\r\n")] = '\0';
        token = text;
    }
    snprintf(config->token, sizeof config->token, "%s", token ? token : "");
    free(text);
    return true;
}

bool remote_open(const RemoteAddress *address, Remote **remote, Error *err)
{
    Remote *r = xcalloc(1, sizeof *r);
    if (remote_server(address->server, &r->config, err)
        && read_token(address->token_file, &r->config, err)) {
        *remote = r;
        return true;
    }
    free(r);
    return false;
}

void remote_close(Remote *remote)
{
    free(remote);
}

bool remote_reference(const char *model, Error *err)
{
    for (const char *c = model; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_.@", *c))
            return fail(err, ERR_INVALID, "no model has the name \"%.80s\"", model);
    return true;
}

/* ---- What ---- */

/* "404, there is no model called x"; of a bad request each field, where they are several: the
 * detail is the sentence of a single one. */
static bool refused(const DaemonAnswer *answer, const cJSON *json, Error *err)
{
    const char *detail = json_text_at(json, "detail");
    const cJSON *fault, *faults = cJSON_GetObjectItemCaseSensitive(json, "errors");
    char all[400] = "";
    size_t used = 0;
    if (cJSON_GetArraySize(faults) <= 1)
        faults = NULL;
    cJSON_ArrayForEach(fault, faults)
    {
        const char *pointer = json_text_at(fault, "pointer"), *why = json_text_at(fault, "detail");
        const int n = snprintf(all + used, sizeof all - used, "%s%s %s", used ? "; " : ": ",
                               pointer ? pointer : "", why ? why : "");
        if (n < 0 || (size_t)n >= sizeof all - used)
            break;
        used += (size_t)n;
    }
    return fail(err, ERR_INVALID, "%d, %s%s", answer->status,
                detail ? detail : "the answer is not the daemon's", all);
}

static bool ask(Remote *r, const DaemonRequest *request, DaemonAnswer *answer, cJSON **json,
                Error *err)
{
    *json = NULL;
    if (!daemon_ask(&r->config, request, answer, err))
        return false;
    const bool ok = answer->status / 100 == 2;
    if (!ok || !request->accept)
        *json = json_parse_long("answer", answer->body, answer->size, JSON_MOST, NULL);
    if (ok && (*json || request->accept || answer->size == 0))
        return true;
    refused(answer, *json, err);
    cJSON_Delete(*json);
    *json = NULL;
    return false;
}

bool remote_call(Remote *remote, const char *method, const char *path, const char *body,
                 cJSON **json, Error *err)
{
    DaemonAnswer answer = {0};
    cJSON *found;
    const DaemonRequest request = {.method = method,
                                   .path = path,
                                   .body = body,
                                   .timeout_seconds = TIMEOUT_SECONDS,
                                   .most = JSON_MOST};
    const bool ok = ask(remote, &request, &answer, &found, err)
                    && (!json || cJSON_IsObject(found) || daemon_answer_strange(err));
    daemon_answer_free(&answer);
    if (json)
        *json = ok ? found : NULL;
    if (!json || !ok)
        cJSON_Delete(found);
    return ok;
}

/* The page of a proxy that asks for a login is answered with 200, too. */
static bool has_type(const DaemonAnswer *answer, const char *type, Error *err)
{
    return strcasecmp(answer->type, type) == 0
           || fail(err, ERR_INVALID, "the answer is %s, not %s",
                   answer->type[0] ? answer->type : "of no type", type);
}

bool remote_save(Remote *remote, const char *path, const char *type, const char *file,
                 size_t *bytes, Error *err)
{
    DaemonAnswer answer = {0};
    cJSON *none;
    const DaemonRequest request = {.method = "GET",
                                   .path = path,
                                   .accept = type,
                                   .timeout_seconds = TIMEOUT_SECONDS,
                                   .most = FILE_MOST};
    const bool ok = ask(remote, &request, &answer, &none, err) && has_type(&answer, type, err)
                    && atomic_file_save(file, answer.body, answer.size, err);
    if (bytes)
        *bytes = answer.size;
    cJSON_Delete(none);
    daemon_answer_free(&answer);
    return ok;
}
