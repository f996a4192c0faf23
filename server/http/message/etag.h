/* server/http/message/etag.h -- entity tags and the conditions that requests put on them.
 *
 * Source   RFC 9110, 8.8.3 (tags), 13.1.1 (If-Match), 13.1.2 (If-None-Match), 13.2.2 (their order).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { ETAG_TEXT = 24 };  // bytes of a tag of ours, with its quotes and the final NUL

/* A tag that changes when the bytes do. */
void etag_make(const char *text, size_t size, char etag[ETAG_TEXT]);

/* Does the header, a list of tags or "*", name `etag`, which has its quotes and is strong? Weakly,
 * W/"a" is "a"; strongly, a weak tag is nothing. NULL names none. */
bool etag_named_weakly(const char *header, const char *etag);
bool etag_named_strongly(const char *header, const char *etag);

typedef enum {
    CONDITION_HOLDS,
    CONDITION_NOT_MODIFIED,  // to a reader: 304
    CONDITION_FAILED,        // 412
} Condition;

/* What the two headers, NULL where they were not sent, say of a thing that has `etag` now. `reads`:
 * the method is GET or HEAD. */
Condition etag_condition(const char *if_match, const char *if_none_match, const char *etag,
                         bool reads);
