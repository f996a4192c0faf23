/* tests/server/data/intake/listed.h -- a listing as text, for comparing. Include after check.h. */
#pragma once
#include "server/data/intake/source/source.h"

static inline void say(char *text, size_t size, const char *fmt, ...)
{
    const size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, fmt);
    vsnprintf(text + length, size - length, fmt, arguments);
    va_end(arguments);
}

/* "path size" for each entry, "path/" for each folder, "path: code" for what is left out. */
static inline const char *listed(const Source *source)
{
    static char text[8192];
    const Listing *l = source_listing(source);
    *text = '\0';
    for (size_t i = 0; i < l->count; i++)
        say(text, sizeof text, "%s %d\n", l->entries[i].path, (int)l->entries[i].size);
    for (size_t i = 0; i < l->folder_count; i++)
        say(text, sizeof text, "%s/\n", l->folders[i]);
    for (size_t i = 0; i < l->left_out.count; i++)
        say(text, sizeof text, "%s: %s\n", l->left_out.items[i].path, l->left_out.items[i].code);
    return text;
}

/* "path=bytes;" for each file of a pass, in its order; "path!error;" for one that cannot be read;
 * ends in "end", or in "failed: ..." */
static inline const char *passed(Source *source, const bool *wanted)
{
    static char text[8192];
    *text = '\0';
    Error err = {0};
    SourceFile file;
    SourceStep step = SOURCE_FAILED;
    if (source_begin(source, wanted, &err)) {
        while ((step = source_next(source, &file, &err)) <= SOURCE_UNREADABLE) {
            const char *path = source_listing(source)->entries[file.entry].path;
            if (step == SOURCE_FILE)
                say(text, sizeof text, "%s=%.*s;", path, (int)file.size, (const char *)file.bytes);
            else
                say(text, sizeof text, "%s!%s;", path, err.message);
        }
    }
    say(text, sizeof text, step == SOURCE_END ? "end" : "failed: %s", err.message);
    return text;
}
