#include "core/base/error.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

enum { WHOLE = 2 * PATH_MAX + sizeof(Error) };  // of a sentence with two paths

__attribute__((format(printf, 4, 0))) static void
fill(Error *err, ErrorCode code, const char *reason, const char *fmt, va_list args)
{
    if (!err)
        return;
    err->code = code;
    err->reason = reason;
    char whole[WHOLE];
    if (vsnprintf(whole, sizeof whole, fmt, args) < 0)
        *whole = '\0';
    text_fit(err->message, sizeof err->message, whole);
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
    char whole[WHOLE];
    va_list args;
    va_start(args, fmt);
    const int length = vsnprintf(whole, sizeof whole, fmt, args);
    va_end(args);
    if (length < 0)
        return false;
    if ((size_t)length < sizeof whole)
        snprintf(whole + length, sizeof whole - (size_t)length, ": %s", err->message);
    text_fit(err->message, sizeof err->message, whole);
    return false;
}
