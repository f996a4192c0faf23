/* server/http/message/multipart.h -- the parts of a multipart/form-data body that is in memory.
 *
 *     Multipart m;
 *     MultipartPart part;
 *     bool came;
 *     if (!multipart_begin(&m, content_type, body, size, err)) ...
 *     while (multipart_next(&m, &part, &came, err) && came) ...
 *
 * Strict: nothing stands before the first boundary or behind the last but an end of line, lines end
 * in CR LF, every part is form-data, and none is encoded.
 *
 * Errors   ERR_INVALID: what is wrong, and in which part.
 * Source   RFC 7578; RFC 2046, section 5.1.1.
 */
#pragma once
#include <stddef.h>

#include "core/base/error.h"

enum {
    MULTIPART_BOUNDARY = 70,  // bytes of one, at most
    MULTIPART_HEADER = 2048,  // ... of the headers of a part
};

typedef struct {
    char delimiter[MULTIPART_BOUNDARY + 5];  // CR LF - - boundary
    size_t length;                           // of it
    const char *at, *end;
    int parts;  // that came
} Multipart;

typedef struct {
    const char *bytes;
    size_t size;
    char name[32];  // of the form's field; empty if it has none, or one that is longer
} MultipartPart;

bool multipart_begin(Multipart *m, const char *content_type, const char *body, size_t size,
                     Error *err);
/* *came is false after the last part. */
bool multipart_next(Multipart *m, MultipartPart *part, bool *came, Error *err);
