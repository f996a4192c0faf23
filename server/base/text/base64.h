/* server/base/text/base64.h -- bytes as text (RFC 4648, section 4). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* From malloc, with a NUL at its end. */
char *base64_encode(const void *bytes, size_t size);
/* The bytes, from malloc, with a NUL after them; NULL: it is no base64. Padding must be there, and
 * nothing else may. */
char *base64_decode(const char *text, size_t length, size_t *size);
/* The same of what clients send as base64: a data: URL, lines, letters of URLs (section 5), no
 * padding. */
char *base64_decode_loosely(const char *text, size_t length, size_t *size);
