#include "server/data/intake/path_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/memory.h"
#include "core/base/text.h"

/* The bytes as UTF-8: as they are, or from Latin-1. */
static char *name_utf8(const char *name)
{
    if (utf8_valid(name))
        return xstrdup(name);
    char *text = xcalloc(2 * strlen(name) + 1, 1), *at = text;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        at += utf8_put(*c, at);
    return text;
}

/* The code of a control character or backslash at `at`; -1: another character. */
static int to_escape(const char *at, size_t length)
{
    const unsigned char *s = (const unsigned char *)at;
    if (length == 1 && (s[0] < 0x20 || s[0] == 0x7f || s[0] == '\\'))
        return s[0];
    return length == 2 && s[0] == 0xc2 && s[1] < 0xa0 ? s[1] : -1;
}

char *name_text(const char *name)
{
    char *utf8 = name_utf8(name);
    const char *end = utf8 + strlen(utf8);
    char *text = xcalloc(4 * strlen(utf8) + 1, 1), *out = text;
    for (const char *at = utf8; at < end;) {
        const size_t length = utf8_next(at, end);
        const int code = to_escape(at, length);
        if (code >= 0)
            out += sprintf(out, "\\x%02x", (unsigned)code);
        else
            out = (char *)memcpy(out, at, length) + length;
        at += length;
    }
    free(utf8);
    return text;
}

/* Whether systems keep files or folders of this name for themselves; hidden ones too. */
static bool name_is_systems(const char *name)
{
    static const char *const NAMES[] = {
        "__MACOSX",     "Thumbs.db",  "ehthumbs.db", "desktop.ini",
        "$RECYCLE.BIN", "lost+found", "@eaDir",      "System Volume Information"};
    for (size_t i = 0; i < COUNT(NAMES); i++)
        if (strcasecmp(name, NAMES[i]) == 0)
            return true;
    return name[0] == '.';
}

static bool is_absolute(const char *raw, Slashes slashes)
{
    if (*raw == '/')
        return true;
    const bool letter = (*raw >= 'A' && *raw <= 'Z') || (*raw >= 'a' && *raw <= 'z');
    return slashes == SLASHES_BACKWARDS && letter && raw[1] == ':';
}

/* Joins the names of `raw`, which it takes apart, to a path that fits behind `joined`. */
static LeftCode join(char *raw, int most_names, char *joined)
{
    LeftCode code = LEFT_CODES;
    int names = 0;
    char *rest = NULL;
    for (char *name = strtok_r(raw, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
        if (strcmp(name, ".") == 0)
            continue;
        if (strcmp(name, "..") == 0)
            return LEFT_CLIMBING;
        if (name_is_systems(name))
            code = LEFT_SYSTEM;
        char *text = name_text(name);
        joined += sprintf(joined, "%s%s", names ? "/" : "", text);
        free(text);
        names++;
    }
    if (names == 0)
        return LEFT_NAMELESS;
    return names > most_names ? LEFT_TOO_DEEP : code;
}

/* For the report: the path as it came, as much of it as a report needs. */
static char *whole_text(const char *raw, int most)
{
    char *text = name_text(raw);
    const size_t length = strlen(text);
    if (length > (size_t)most) {
        text[most] = '\0';
        text_clean(text);
    }
    return text;
}

LeftCode path_text(const char *raw, Slashes slashes, const IntakeLimits *limits, char **path)
{
    char *own = xstrdup(raw);
    for (char *c = own; slashes == SLASHES_BACKWARDS && *c; c++)
        *c = *c == '\\' ? '/' : *c;
    // A byte becomes four at most: "\x0a".
    char *joined = xcalloc(8 * strlen(raw) + 1, 1);
    char *whole = whole_text(own, limits->path_bytes);
    LeftCode code =
        is_absolute(own, slashes) ? LEFT_ABSOLUTE : join(own, limits->path_depth, joined);
    if (code != LEFT_ABSOLUTE && code != LEFT_CLIMBING
        && strlen(joined) > (size_t)limits->path_bytes)
        code = LEFT_TOO_LONG;
    free(own);
    const bool usable = code == LEFT_CODES || code == LEFT_SYSTEM;
    *path = usable ? joined : whole;
    free(usable ? whole : joined);
    return code;
}
