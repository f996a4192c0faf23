/* server/http/message/headers.h -- reading the request headers that have a grammar of their own. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which of `offers` the Accept header likes best, the first offer winning a tie; -1 if none is
 * acceptable. NULL accepts everything. Source: RFC 9110, 12.5.1. */
int accept_choose(const char *accept, const char *const *offers, int count);

/* Is `content_type` (parameters and case aside) `want`? NULL is not. */
bool content_type_is(const char *content_type, const char *want);

typedef enum {
    RANGE_NONE,           // no range, or one that may be ignored: answer the whole
    RANGE_PART,           // first..last of it
    RANGE_UNSATISFIABLE,  // 416
} RangeKind;

/* A single range of bytes out of `size`. Several ranges at once, other units and broken syntax
 * count as none. Source: RFC 9110, 14.2. */
RangeKind range_parse(const char *header, int64_t size, int64_t *first, int64_t *last);

/* The token of "Authorization: Bearer <token>", or NULL. */
const char *bearer_token(const char *authorization);

/* Is it the secret? The time taken depends on the length of `given` alone. */
bool secret_equal(const char *given, const char *secret);

/* May a request with this Host header come from our own page? "localhost" and numeric addresses,
 * with or without a port: a name that an attacker has pointed at us (DNS rebinding) is neither. */
bool host_is_local_name(const char *host);

/* Is `origin` ("http://host:port") the origin that `host` names? "null" is not. */
bool origin_is_host(const char *origin, const char *host);
