/* server/data/intake/path_text.h -- names from outside as text, and whether they may be used.
 *
 * A name that is UTF-8 stays as it is; one that is not is taken for Latin-1 and converted, so that
 * it depends on nothing but its bytes. Control characters become "\x0a", a backslash that is part
 * of a name "\x5c".
 */
#pragma once
#include "server/data/intake/left_out.h"
#include "server/data/intake/limits.h"

/* Any bytes as UTF-8 without control characters; from malloc. */
char *name_text(const char *name);

typedef enum {
    SLASHES_ONLY,       // "\" is a character like others
    SLASHES_BACKWARDS,  // "\" separates too, and "C:" is absolute: zips from Windows
} Slashes;

/* The path of an entry: what lies between separators, without "." and empty names. `*path`, from
 * malloc, is always filled, with the whole of it for the report where it may not be used.
 * LEFT_CODES if it may; else the reason: LEFT_ABSOLUTE, LEFT_CLIMBING, LEFT_NAMELESS,
 * LEFT_TOO_DEEP, LEFT_TOO_LONG or LEFT_SYSTEM. */
LeftCode path_text(const char *raw, Slashes slashes, const IntakeLimits *limits, char **path);
