/* core/base/slab.h -- large blocks of memory, straight from the system. */
#pragma once
#include <stddef.h>

/* Zeroed, in large pages where the system has them: fewer TLB misses. NULL if there is
 * not enough memory. */
void *slab_new(size_t bytes);
void slab_free(void *slab, size_t bytes);  // takes NULL
