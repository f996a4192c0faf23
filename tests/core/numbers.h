/* tests/core/numbers.h -- memory and numbers for kernels. Include it after tests/check.h. */
#pragma once
#include "core/base/numbers/bf16.h"
#include "core/base/numbers/rng.h"

/* 64-byte aligned and full of NaNs: nothing may be read before it was written. */
static inline void *aligned_nans(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    memset(p, 0xff, (bytes + 63) / 64 * 64);
    return p;
}

/* Numbers in [-1, 1) as float32, and in *raw the same in their type: with `bf16`, that has them
 * all. */
static inline float *random_numbers(size_t count, bool bf16, Rng *rng, void **raw)
{
    float *numbers = aligned_nans(count * sizeof *numbers);
    *raw = aligned_nans(count * (bf16 ? sizeof(uint16_t) : sizeof(float)));
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (float)(2 * rng_uniform(rng) - 1);
        if (bf16) {
            const uint16_t bits = float_to_bf16(numbers[i]);
            numbers[i] = bf16_to_float(bits);
            memcpy((char *)*raw + sizeof bits * i, &bits, sizeof bits);
        }
    }
    if (!bf16)
        memcpy(*raw, numbers, count * sizeof *numbers);
    return numbers;
}

static inline double number_at(const void *raw, bool bf16, size_t i)
{
    return (double)(bf16 ? bf16_to_float(((const uint16_t *)raw)[i]) : ((const float *)raw)[i]);
}
