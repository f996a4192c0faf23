#include "server/http/access.h"

#include <string.h>
#include <strings.h>

#include "server/http/message/headers.h"

/* Is `host`, whatever its port, one of the names? */
static bool is_listed(const char *hosts, const char *host)
{
    const size_t length = strcspn(host, ":");
    for (const char *p = hosts; p && *p;) {
        p += strspn(p, ", ");
        const size_t n = strcspn(p, ", ");
        if (n == length && n > 0 && strncasecmp(p, host, n) == 0)
            return true;
        p += n;
    }
    return false;
}

static bool check_host(const AccessRules *rules, const AccessRequest *request, Response *res)
{
    if (rules->token || host_is_local_name(request->host) || is_listed(rules->hosts, request->host))
        return true;
    return request_reject(res, 403, "foreign_host",
                          "without a token this daemon answers to localhost, to numeric addresses "
                          "and to the names in its setting hosts, not to Host %.100s",
                          request->host);
}

static bool is_reading(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0
           || strcmp(method, "OPTIONS") == 0;
}

static bool origin_is_ours(const AccessRules *rules, const AccessRequest *request,
                           const char *origin)
{
    const char *authority = strstr(origin, "://");
    return origin_is_host(origin, request->host)
           || origin_is_host(origin, header_list_get(request->headers, "X-Forwarded-Host"))
           || (authority && is_listed(rules->hosts, authority + 3));
}

static bool check_origin(const AccessRules *rules, const AccessRequest *request, Response *res)
{
    const char *site = header_list_get(request->headers, "Sec-Fetch-Site");
    const char *mode = header_list_get(request->headers, "Sec-Fetch-Mode");
    const char *origin = header_list_get(request->headers, "Origin");
    if (site) {
        const bool link = mode && strcmp(mode, "navigate") == 0 && is_reading(request->method);
        if (strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0 || link)
            return true;
    } else if (!origin || origin_is_ours(rules, request, origin)) {
        return true;
    }
    return request_reject(
        res, 403, "foreign_origin",
        "pages of other sites may not call this daemon (Sec-Fetch-Site %.20s, Origin %.100s, Host "
        "%.100s): behind a reverse proxy let it pass Host on, or list its name in the setting "
        "hosts",
        site ? site : "is not there", origin ? origin : "is not there",
        request->host ? request->host : "is not there");
}

Access access_of(const AccessRules *rules, const HeaderList *headers)
{
    if (!rules->token)
        return ACCESS_OPEN;
    const char *given = bearer_token(header_list_get(headers, "Authorization"));
    if (!given)
        return ACCESS_NONE;
    // Both are compared in any case: the time taken must not tell which of them is nearer.
    const bool write = secret_equal(given, rules->token);
    const bool read = rules->read_token && secret_equal(given, rules->read_token);
    return write ? ACCESS_WRITE : read ? ACCESS_READ : ACCESS_NONE;
}

static bool check_token(const AccessRules *rules, const AccessRequest *request, Response *res)
{
    const Access access = access_of(rules, request->headers);
    if (access == ACCESS_OPEN || access == ACCESS_WRITE)
        return true;
    if (access == ACCESS_READ && (request->look || is_reading(request->method)))
        return true;
    if (access == ACCESS_READ)
        return request_reject(res, 403, "read_only_token", "this token may only read, not %.20s",
                              request->method);
    const bool given = bearer_token(header_list_get(request->headers, "Authorization")) != NULL;
    response_header(res, "WWW-Authenticate", "Bearer realm=\"googlenetd\"%s",
                    given ? ", error=\"invalid_token\"" : "");
    return request_reject(res, 401, NULL, "%s",
                          given ? "the bearer token is wrong" : "a bearer token is needed");
}

bool access_check(const AccessRules *rules, const AccessRequest *request, Response *res)
{
    if (!check_host(rules, request, res))
        return false;
    if (request->open)
        return true;
    return check_origin(rules, request, res)
           && (strcmp(request->method, "OPTIONS") == 0 || check_token(rules, request, res));
}
