/* server/data/intake/layout/utf16.h -- tables as Windows saves them. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Text with the byte order mark of UTF-16, as UTF-8 with a NUL behind it, from malloc; NULL: it has
 * none. Half a surrogate pair becomes U+FFFD. */
char *utf16_to_utf8(const uint8_t *bytes, size_t size, size_t *length);
