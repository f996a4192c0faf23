#include "server/http/router.h"

#include <stdio.h>
#include <string.h>

#include "core/base/files/path.h"

typedef char Params[REQUEST_PARAMS][REQUEST_PARAM];

/* Does the segment of the path fit the segment of the pattern? A ":name" writes `param`. */
static bool segment_fits(const char *pattern, size_t pattern_length, const char *segment,
                         size_t length, char param[REQUEST_PARAM])
{
    char decoded[REQUEST_PARAM];
    if (!percent_decode(segment, length, false, decoded, sizeof decoded) || strchr(decoded, '/')
        || path_is_dots(decoded))
        return false;
    if (*pattern != ':')
        return strlen(decoded) == pattern_length && memcmp(pattern, decoded, pattern_length) == 0;
    memcpy(param, decoded, sizeof decoded);
    return *decoded != '\0';
}

static bool path_fits(const char *pattern, const char *path, Params params)
{
    char unused[REQUEST_PARAM];
    int param = 0;
    if (*path != '/')
        return false;
    for (;;) {
        pattern++, path++;
        const size_t pattern_length = strcspn(pattern, "/"), length = strcspn(path, "/");
        const bool takes = *pattern == ':' && param < REQUEST_PARAMS;
        if (!segment_fits(pattern, pattern_length, path, length, takes ? params[param] : unused))
            return false;
        param += takes;
        pattern += pattern_length;
        path += length;
        if (!*pattern || !*path)
            return *pattern == *path;
    }
}

RouteMatch router_find(const Route *routes, size_t count, const char *method, const char *path,
                       Params params)
{
    RouteMatch match = {NULL, false};
    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    for (size_t i = 0; i < count; i++) {
        Params found = {{0}};
        if (!path_fits(routes[i].pattern, path, found))
            continue;
        match.path_known = true;
        if (strcmp(routes[i].method, method) != 0)
            continue;
        match.route = &routes[i];
        memcpy(params, found, sizeof found);
        return match;
    }
    return match;
}

void router_allow(const Route *routes, size_t count, const char *path, char *dst, size_t size)
{
    Params unused;
    int n = snprintf(dst, size, "OPTIONS");
    for (size_t i = 0; i < count; i++)
        if (path_fits(routes[i].pattern, path, unused) && n > 0 && (size_t)n < size)
            n += snprintf(dst + n, size - (size_t)n, ", %s%s", routes[i].method,
                          strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "");
}
