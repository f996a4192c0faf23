/* core/base/numbers/philox.h -- random numbers without a state: a pure function of a key and a
 * counter.
 *
 * Philox4x32-10 (Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"): each counter
 * of 128 bits gives 128 random bits. Whoever needs a number again counts to the same place again,
 * whatever was drawn in between, by whichever thread: nothing has to be saved to resume a job.
 *
 *     const PhiloxKey key = philox_key(seed, "dropout 5");
 *     const Philox four = philox(key, (Philox){{element / 4, example, step, 0}});
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t x[4];
} Philox;

typedef struct {
    uint32_t x[2];
} PhiloxKey;

Philox philox(PhiloxKey key, Philox counter);

/* The key of one use of a seed: each name has numbers of its own. */
PhiloxKey philox_key(uint64_t seed, const char *name);

/* The numbers of the counters `first` and following ones, whose first word counts up: numbers[i] is
 * word i % 4 of counter i / 4. The first word must not overflow. */
void philox_fill(PhiloxKey key, Philox first, uint32_t *numbers, size_t count);
