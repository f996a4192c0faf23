#include "core/base/slab.h"

#include <sys/mman.h>

void *slab_new(size_t bytes)
{
    void *slab = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slab == MAP_FAILED)
        return NULL;
    madvise(slab, bytes, MADV_HUGEPAGE);
    return slab;
}

void slab_free(void *slab, size_t bytes)
{
    if (slab)
        munmap(slab, bytes);
}
