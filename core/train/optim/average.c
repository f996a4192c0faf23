#include "core/train/optim/average.h"

#include <string.h>

#include "core/base/numbers/simd.h"
#include "core/base/threads/chunks.h"

SIMD_CLONES static void lerp_chunk(size_t count, float *restrict average, float share,
                                   const float *restrict value)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        average[i] += share * (value[i] - average[i]);
}

/* Of the new value in the average. */
static double share_of(const Averaging *how, int64_t updates)
{
    const double n = (double)updates - 1;  // averages before
    const double warm = (1 + n) / (10 + n);
    if (n < 1)
        return 1;
    return 1 - (how->warmup && warm < how->decay ? warm : how->decay);
}

void average_update(const Averaging *how, int64_t updates, ParamStore *store)
{
    const double share = share_of(how, updates);
    float *average = store->slots[SLOT_AVERAGE];
    const size_t chunks = chunk_count(store->trained_count);
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < chunks; c++) {
        const size_t at = c * CHUNK, count = chunk_size(store->trained_count, c);
        if (share < 1)
            lerp_chunk(count, average + at, (float)share, store->values + at);
        else
            memcpy(average + at, store->values + at, count * sizeof *average);
    }
}

void average_swap(ParamStore *store)
{
    float *average = store->slots[SLOT_AVERAGE], *value = store->values;
    for (size_t i = 0; i < store->trained_count; i++) {
        const float x = value[i];
        value[i] = average[i];
        average[i] = x;
    }
}
