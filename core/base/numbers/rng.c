#include "core/base/numbers/rng.h"

#include <math.h>

#include "core/base/invariant.h"

static uint64_t splitmix64(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

Rng rng_new(uint64_t seed, RngStream stream, uint64_t index)
{
    // Each of the three is mixed before the next is added, so that (1, 2) and (2, 1) differ.
    uint64_t x = seed;
    x = splitmix64(&x) ^ (uint64_t)stream;
    x = splitmix64(&x) ^ index;
    Rng rng;
    for (int i = 0; i < 4; i++)
        rng.s[i] = splitmix64(&x);
    return rng;
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t rng_next(Rng *rng)
{
    uint64_t *s = rng->s;
    const uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

double rng_uniform(Rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

uint64_t rng_below(Rng *rng, uint64_t bound)
{
    INVARIANT(bound >= 1);
    // Values below 2^64 mod bound would make the small remainders more likely.
    const uint64_t threshold = (0 - bound) % bound;
    uint64_t x;
    do
        x = rng_next(rng);
    while (x < threshold);
    return x % bound;
}

double rng_normal(Rng *rng)
{
    // Box-Muller, one value a call: the second one would be hidden state.
    const double u = 1.0 - rng_uniform(rng);
    const double v = rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(2.0 * acos(-1.0) * v);
}

void rng_shuffle(Rng *rng, int32_t *items, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        const size_t j = (size_t)rng_below(rng, i);
        const int32_t item = items[i - 1];
        items[i - 1] = items[j];
        items[j] = item;
    }
}
