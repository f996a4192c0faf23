/* core/base/numbers/rng.h -- random numbers with an explicit state.
 *
 * xoshiro256** (Blackman and Vigna 2018), seeded through splitmix64. A job has one seed; each use
 * draws from its own stream, so that switching one on does not shift the others. A stream and an
 * index (the epoch, say) determine the state completely: nothing has to be saved to resume a job.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum {
    RNG_INIT,     // initial weights; index: the parameter's index in the store
    RNG_ORDER,    // order of the examples; index: the epoch
    RNG_TEST,     // tests and benchmarks
    RNG_HOLDOUT,  // examples held out; index: the class
} RngStream;

typedef struct {
    uint64_t s[4];
} Rng;

Rng rng_new(uint64_t seed, RngStream stream, uint64_t index);
uint64_t rng_next(Rng *rng);
double rng_uniform(Rng *rng);                  // [0, 1), 53 bits
uint64_t rng_below(Rng *rng, uint64_t bound);  // 0 <= x < bound, without bias; bound >= 1
double rng_normal(Rng *rng);                   // mean 0, variance 1
void rng_shuffle(Rng *rng, int32_t *items, size_t count);  // Fisher-Yates
