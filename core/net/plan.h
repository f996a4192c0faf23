/* core/net/plan.h -- lays blocks of memory that live at different times over one another. */
#pragma once
#include <stddef.h>

/* A block that is needed from step `birth` to step `death`, both included. */
typedef struct {
    size_t bytes;
    int birth;
    int death;
} Lifetime;

/* Where each block goes: offsets, multiples of 64, such that blocks alive at the same step do not
 * overlap. Returns the size of the whole. Largest first, each at the lowest offset that is free
 * throughout its life: within a few percent of the peak for the nets here. */
size_t plan_memory(const Lifetime *blocks, int count, size_t *offsets);
