/* core/base/memory.h -- small allocations that never fail.
 *
 * They abort with a message when the system is out of memory. Tensors, stores and files, which may
 * really not fit, are allocated elsewhere and return ERR_NO_MEMORY.
 */
#pragma once
#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void *xcalloc(size_t count, size_t size);              // zeroed
void *xrealloc(void *old, size_t count, size_t size);  // new bytes are not zeroed
char *xstrdup(const char *text);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
