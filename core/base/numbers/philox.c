#include "core/base/numbers/philox.h"

#include <string.h>

#include "core/base/numbers/fnv.h"
#include "core/base/numbers/simd.h"

/* The paper's constants: two multipliers, and what the key's words grow by in each round. */
enum { ROUNDS = 10 };
static const uint64_t M0 = 0xd2511f53, M1 = 0xcd9e8d57;
static const uint32_t W0 = 0x9e3779b9, W1 = 0xbb67ae85;

Philox philox(PhiloxKey key, Philox c)
{
    uint32_t k0 = key.x[0], k1 = key.x[1];
    for (int r = 0; r < ROUNDS; r++, k0 += W0, k1 += W1) {
        const uint64_t p0 = M0 * c.x[0], p1 = M1 * c.x[2];
        c = (Philox){{(uint32_t)(p1 >> 32) ^ c.x[1] ^ k0, (uint32_t)p1,
                      (uint32_t)(p0 >> 32) ^ c.x[3] ^ k1, (uint32_t)p0}};
    }
    return c;
}

PhiloxKey philox_key(uint64_t seed, const char *name)
{
    const uint64_t hash = fnv1a(name, strlen(name));
    const PhiloxKey key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    // No use counts with a last word like this one: its numbers are not those of its key's.
    const Philox x = philox(key, (Philox){{(uint32_t)hash, (uint32_t)(hash >> 32), 0, 0xffffffff}});
    return (PhiloxKey){{x.x[0], x.x[1]}};
}

/* LANES counters that follow one another, as columns. The words of 32 bits stand in lanes of 64,
 * in which their products have room. */
enum { LANES = 16 };

SIMD_CLONES static void fill_lanes(PhiloxKey key, Philox first, uint32_t *restrict numbers)
{
    uint64_t c[4][LANES];
    for (uint32_t l = 0; l < LANES; l++) {
        c[0][l] = first.x[0] + l;
        c[1][l] = first.x[1];
        c[2][l] = first.x[2];
        c[3][l] = first.x[3];
    }
    uint32_t k0 = key.x[0], k1 = key.x[1];
    for (int r = 0; r < ROUNDS; r++, k0 += W0, k1 += W1) {
#pragma omp simd
        for (int l = 0; l < LANES; l++) {
            const uint64_t p0 = M0 * c[0][l], p1 = M1 * c[2][l];
            c[0][l] = (p1 >> 32) ^ c[1][l] ^ k0;
            c[2][l] = (p0 >> 32) ^ c[3][l] ^ k1;
            c[1][l] = (uint32_t)p1;
            c[3][l] = (uint32_t)p0;
        }
    }
#pragma omp simd
    for (int l = 0; l < LANES; l++) {
        for (int w = 0; w < 4; w++)
            numbers[4 * l + w] = (uint32_t)c[w][l];
    }
}

void philox_fill(PhiloxKey key, Philox counter, uint32_t *numbers, size_t count)
{
    enum { AT_ONCE = 4 * LANES };
    for (; count >= AT_ONCE; count -= AT_ONCE, numbers += AT_ONCE, counter.x[0] += LANES)
        fill_lanes(key, counter, numbers);
    for (; count > 0; counter.x[0]++) {
        const size_t some = count < 4 ? count : 4;
        const Philox x = philox(key, counter);
        memcpy(numbers, x.x, some * sizeof *numbers);
        numbers += some;
        count -= some;
    }
}
