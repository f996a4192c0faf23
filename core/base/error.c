#include "core/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fail(Error *err, ErrorCode code, const char *fmt, ...)
{
    if (!err)
        return false;
    err->code = code;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    return false;
}

bool fail_in(Error *err, const char *fmt, ...)
{
    if (!err)
        return false;
    char inner[sizeof err->message];
    memcpy(inner, err->message, sizeof inner);
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof err->message)
        snprintf(err->message + len, sizeof err->message - (size_t)len, ": %s", inner);
    return false;
}
