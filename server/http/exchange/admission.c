#include "server/http/exchange/admission.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#include "server/http/access.h"
#include "server/http/exchange/server.h"
#include "server/http/message/framing.h"
#include "server/http/message/headers.h"

/* Every method and no path: what the server as a whole can do. */
static bool asks_about_server(const Exchange *x)
{
    return strcmp(x->uri, "*") == 0 && strcmp(x->method, "OPTIONS") == 0;
}

/* Nothing has two addresses here, but who wrote one slash too many shall see it. */
static bool refuse_path(Exchange *x)
{
    char plain[URI_MAX];
    char unused[REQUEST_PARAMS][REQUEST_PARAM];
    size_t n = 0;
    for (const char *at = x->uri; *at; at++)
        if (*at != '/' || n == 0 || plain[n - 1] != '/')
            plain[n++] = *at;
    if (n > 1 && plain[n - 1] == '/')
        n--;
    plain[n] = '\0';
    const HttpService *service = &x->http->service;
    const bool there =
        strcmp(plain, x->uri) != 0
        && router_find(service->routes, service->route_count, x->method, plain, unused).path_known;
    return request_reject(&x->res, 404, NULL, "there is nothing at %.200s%s%.200s", x->uri,
                          there ? ", but at " : "", there ? plain : "");
}

static bool answer_unrouted(Exchange *x)
{
    const Http *http = x->http;
    const HttpService *service = &http->service;
    const bool page = pages_has(http->pages, x->uri),
               get = strcmp(x->method, "GET") == 0 || strcmp(x->method, "HEAD") == 0;
    if (page && get)
        return true;  // answered at the end
    char allow[96] = "GET, HEAD, OPTIONS";
    if (asks_about_server(x))
        strcpy(allow, "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE");
    else if (x->match.path_known)
        router_allow(service->routes, service->route_count, x->uri, allow, sizeof allow);
    else if (!page)
        return refuse_path(x);
    response_header(&x->res, "Allow", "%s", allow);
    if (strcmp(x->method, "OPTIONS") == 0) {
        respond_empty(&x->res, 204);
        return false;
    }
    return request_reject(&x->res, 405, NULL, "%.20s is not possible at %.200s, but %s", x->method,
                          x->uri, allow);
}

bool admission_takes_body(Exchange *x)
{
    const Route *route = x->match.route;
    return (route && route->body != BODY_NONE)
           || request_reject(&x->res, 400, NULL, "%.20s %.200s takes no body", x->method, x->uri);
}

size_t admission_body_most(const Exchange *x)
{
    const HttpConfig *config = &x->http->config;
    const Route *route = x->match.route;
    return route && route->body == BODY_BYTES ? config->predict_bytes : config->body_bytes;
}

/* Bodies are taken as they are: what gzip or a form is wrapped around would be read as if it were
 * the thing itself. */
static bool check_coding(Exchange *x)
{
    const char *coding = header_list_get(&x->headers, "Content-Encoding");
    const Route *route = x->match.route;
    if (route && route->body == BODY_STREAM
        && content_type_is(header_list_get(&x->headers, "Content-Type"), "multipart/form-data"))
        return request_reject(&x->res, 415, NULL,
                              "the body must be the file itself, as curl -T sends it, not a form");
    if (!coding || !*coding || strcasecmp(coding, "identity") == 0 || !route
        || route->body == BODY_NONE)
        return true;
    response_header(&x->res, "Accept-Encoding", "identity");
    return request_reject(&x->res, 415, NULL,
                          "the body must come as it is, not with Content-Encoding %.60s", coding);
}

static bool check_body(Exchange *x)
{
    const long long length = framing_body_length(&x->headers);
    const char *type = header_list_get(&x->headers, "Content-Type");
    const Route *route = x->match.route;
    if (route && route->body == BODY_STREAM)
        return true;  // its handler decides
    if (length > 0 && !admission_takes_body(x))
        return false;
    if (length > (long long)admission_body_most(x))
        return request_reject(&x->res, 413, NULL, "a body may have %zu bytes, this one has %lld",
                              admission_body_most(x), length);
    if (!route || route->body == BODY_NONE || route->body == BODY_BYTES || (length == 0 && !type))
        return true;
    if (content_type_is(type, "application/json")
        || (strcmp(route->method, "PATCH") == 0
            && content_type_is(type, "application/merge-patch+json")))
        return true;
    response_header(&x->res, "Accept", "application/json");
    return request_reject(&x->res, 415, NULL, "the body must be application/json, not %.100s",
                          type ? type : "of no type");
}

static bool check_access(Exchange *x)
{
    const HttpConfig *config = &x->http->config;
    const AccessRules rules = {config->token, config->read_token, config->hosts};
    const AccessRequest request = {
        .headers = &x->headers,
        .method = x->method,
        .host = *x->host ? x->host : header_list_get(&x->headers, "Host"),
        .look = x->match.route && x->match.route->access == LOOK,
        .open = asks_about_server(x)
                || (x->match.route ? x->match.route->access == OPEN
                                   : pages_has(x->http->pages, x->uri)),
    };
    x->access = access_of(&rules, &x->headers);
    return access_check(&rules, &request, &x->res);
}

/* The one that leaves the lines of a request where they came, changed as the calls below know. */
static bool library_is_0_9(void)
{
    return strncmp(MHD_get_version(), "0.9.", 4) == 0;
}

/* A target is ended at a NUL in it; the version then does not stand right behind. */
static bool target_was_cut(const Exchange *x, const char *version)
{
    return library_is_0_9() && *version && version != x->target_end + 1;
}

/* The fields stand behind the version, which target_was_cut has found in its place. */
static bool has_fold(const Exchange *x, RequestPart part)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    const char *fields = part.version + strlen(part.version);
    const size_t line = (size_t)(fields - part.method);
    return library_is_0_9() && *part.version && info && info->header_size > line
           && framing_has_fold(fields, info->header_size - line);
}

static bool check_framing(Exchange *x, RequestPart part)
{
    if (!x->target_is_plain || target_was_cut(x, part.version))
        return request_reject(&x->res, 400, "malformed_request",
                              "the target of a request must have no spaces or control characters");
    if (has_fold(x, part))
        return request_reject(&x->res, 400, "malformed_request", "a header must stand in one line");
    return framing_check(&x->headers, part.version, &x->res);
}

bool admission_decide(Exchange *x, RequestPart part)
{
    const HttpService *service = &x->http->service;
    if (!check_framing(x, part))
        return false;
    if (x->uri_too_long) {
        respond_problem(&x->res, 414, NULL, "a URI may have %d bytes", URI_MAX - 1);
        return true;
    }
    if (header_list_size(&x->headers) > FIELDS_MAX) {
        respond_problem(&x->res, 431, NULL, "the headers may have %d bytes", FIELDS_MAX);
        return true;
    }
    x->match = router_find(service->routes, service->route_count, x->method, x->uri, x->params);
    if (check_access(x) && (x->match.route || answer_unrouted(x)))
        (void)(check_coding(x) && check_body(x));
    return true;
}
