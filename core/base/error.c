#include "core/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

__attribute__((format(printf, 4, 0))) static void
fill(Error *err, ErrorCode code, const char *reason, const char *fmt, va_list args)
{
    if (!err)
        return;
    err->code = code;
    err->reason = reason;
    const int length = vsnprintf(err->message, sizeof err->message, fmt, args);
    text_finish(err->message, sizeof err->message, length);
}

bool fail(Error *err, ErrorCode code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, code, NULL, fmt, args);
    va_end(args);
    return false;
}

bool fail_as(Error *err, ErrorCode code, const char *reason, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, code, reason, fmt, args);
    va_end(args);
    return false;
}

bool fail_with(Error *err, const Error *kept)
{
    if (err)
        *err = *kept;
    return false;
}

ErrorCode error_of_system(int system_errno)
{
    return system_errno == ENOSPC || system_errno == EDQUOT ? ERR_NO_SPACE : ERR_IO;
}

bool fail_in(Error *err, const char *fmt, ...)
{
    if (!err)
        return false;
    char inner[sizeof err->message];
    memcpy(inner, err->message, sizeof inner);
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    if (length >= 0 && (size_t)length < sizeof err->message)
        length +=
            snprintf(err->message + length, sizeof err->message - (size_t)length, ": %s", inner);
    text_finish(err->message, sizeof err->message, length);
    return false;
}
