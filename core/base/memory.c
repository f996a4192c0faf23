#include "core/base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *require(void *memory, size_t bytes)
{
    if (!memory) {
        fprintf(stderr, "out of memory: cannot allocate %zu bytes\n", bytes);
        abort();
    }
    return memory;
}

void *xcalloc(size_t count, size_t size)
{
    if (count == 0 || size == 0)
        count = size = 1;
    return require(calloc(count, size), count * size);
}

void *xrealloc(void *old, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        require(NULL, SIZE_MAX);
    const size_t bytes = count * size > 0 ? count * size : 1;
    return require(realloc(old, bytes), bytes);
}

char *xstrdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(require(malloc(bytes), bytes), text, bytes);
}

char *xasprintf(const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = require(len < 0 ? NULL : malloc((size_t)len + 1), (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}
