/* core/base/error.h -- how a call says what went wrong.
 *
 * A function that can fail for a reason outside the program returns bool and takes `Error *err`
 * last. On false, err->message is one line, names the thing and the value, and is fit for a user:
 * "batch_size must be 1 to 4096, got 0". What it quotes may be any bytes: fail() makes them
 * printable UTF-8 (core/base/text.h) and ends a message that is too long with "...".
 */
#pragma once
#include <stdbool.h>

typedef enum {
    ERR_NONE,
    ERR_INVALID,    // the request, a file or a parameter is wrong
    ERR_NOT_FOUND,  // the thing named does not exist
    ERR_CONFLICT,   // the thing is in a state that does not allow it
    ERR_IO,         // the system refused to read or write
    ERR_NO_SPACE,   // ... because the disk is full, or a quota is used up
    ERR_DAMAGED,    // what is stored contradicts itself: trying again does not help
    ERR_NO_MEMORY,  // a tensor, store or file does not fit
    ERR_DNN,        // oneDNN refused
    ERR_NUMERIC,    // the arithmetic broke down: NaN or infinity
    ERR_STOPPED,    // the caller asked for the end
} ErrorCode;

typedef struct {
    ErrorCode code;
    char message[512];   // one line, no full stop
    const char *reason;  // a literal that tells programs this case from others of the same code,
                         // "job_is_active", say; NULL: the code says enough
} Error;

/* Fill *err and return false, for callers to write `return fail(err, ...)`. `err` may be NULL. */
bool fail(Error *err, ErrorCode code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with a reason. */
bool fail_as(Error *err, ErrorCode code, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Pass on an error that was kept. */
bool fail_with(Error *err, const Error *kept);

/* The code for what the system says in errno: ERR_NO_SPACE or ERR_IO. */
ErrorCode error_of_system(int system_errno);

/* Put "<what>: " before the message of an error that is passed on; returns false. */
bool fail_in(Error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
