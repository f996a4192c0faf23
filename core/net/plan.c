#include "core/net/plan.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/base/memory.h"

enum { PLAN_ALIGN = 64 };

static size_t round_up(size_t bytes)
{
    return (bytes + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
}

static bool meet(const Lifetime *a, const Lifetime *b)
{
    return a->birth <= b->death && b->birth <= a->death;
}

/* The lowest offset at which block i overlaps none of the placed ones that it meets. `placed` is in
 * the order of their offsets. */
static size_t lowest_gap(const Lifetime *blocks, int i, const int *placed, int placed_count,
                         const size_t *offsets)
{
    const size_t need = round_up(blocks[i].bytes);
    size_t at = 0;
    for (int k = 0; k < placed_count; k++) {
        const int other = placed[k];
        if (!meet(&blocks[i], &blocks[other]))
            continue;
        if (offsets[other] >= at + need)
            break;
        const size_t end = offsets[other] + round_up(blocks[other].bytes);
        at = end > at ? end : at;
    }
    return at;
}

static int largest_left(const Lifetime *blocks, const bool *done, int count)
{
    int largest = -1;
    for (int i = 0; i < count; i++) {
        if (!done[i] && (largest < 0 || blocks[i].bytes > blocks[largest].bytes))
            largest = i;
    }
    return largest;
}

size_t plan_memory(const Lifetime *blocks, int count, size_t *offsets)
{
    int *placed = xcalloc((size_t)count, sizeof *placed);
    bool *done = xcalloc((size_t)count, sizeof *done);
    size_t total = 0;
    for (int k = 0; k < count; k++) {
        const int i = largest_left(blocks, done, count);
        offsets[i] = lowest_gap(blocks, i, placed, k, offsets);
        done[i] = true;
        int slot = k;
        while (slot > 0 && offsets[placed[slot - 1]] > offsets[i]) {
            placed[slot] = placed[slot - 1];
            slot--;
        }
        placed[slot] = i;
        const size_t end = offsets[i] + round_up(blocks[i].bytes);
        total = end > total ? end : total;
    }
    free(done);
    free(placed);
    return total;
}
