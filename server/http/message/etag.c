#include "server/http/message/etag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/numbers/fnv.h"

void etag_make(const char *text, size_t size, char etag[ETAG_TEXT])
{
    snprintf(etag, ETAG_TEXT, "\"%016" PRIx64 "\"", fnv1a(text, size));
}

static bool named(const char *header, const char *etag, bool weak_counts)
{
    const size_t n = strlen(etag);
    for (const char *p = header; p && *p;) {
        p += strspn(p, " \t,");  // an element may be empty: RFC 9110, 5.6.1.2
        if (*p == '*')
            return true;
        const bool weak = strncmp(p, "W/", 2) == 0;
        p += weak ? 2 : 0;
        if (*p != '"')
            return false;
        const char *end = strchr(p + 1, '"');
        if (!end)
            return false;
        if ((weak_counts || !weak) && (size_t)(end + 1 - p) == n && memcmp(p, etag, n) == 0)
            return true;
        p = end + 1;
    }
    return false;
}

bool etag_named_weakly(const char *header, const char *etag)
{
    return named(header, etag, true);
}

bool etag_named_strongly(const char *header, const char *etag)
{
    return named(header, etag, false);
}

Condition etag_condition(const char *if_match, const char *if_none_match, const char *etag,
                         bool reads)
{
    if (if_match && !etag_named_strongly(if_match, etag))
        return CONDITION_FAILED;
    if (if_none_match && etag_named_weakly(if_none_match, etag))
        return reads ? CONDITION_NOT_MODIFIED : CONDITION_FAILED;
    return CONDITION_HOLDS;
}
