#include "server/data/decoder/traits.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/numbers/simd.h"
#include "server/data/decoder/phash.h"

enum { LANES = 48 };  // a multiple of 3 and of the width of registers

struct TraitsMaker {
    int size, channels;
    Phash *phash;
};

TraitsMaker *traits_maker_new(int size, int channels)
{
    TraitsMaker *m = xcalloc(1, sizeof *m);
    *m = (TraitsMaker){.size = size, .channels = channels, .phash = phash_new(size)};
    return m;
}

void traits_maker_free(TraitsMaker *m)
{
    if (!m)
        return;
    phash_free(m->phash);
    free(m);
}

/* Of `count` lanes of bytes, each as wide as LANES: sums and squares by lane, which stay below
 * 2^32.
 */
SIMD_CLONES static void sum_lanes(const uint8_t *restrict bytes, size_t count,
                                  uint32_t sums[restrict LANES], uint32_t squares[restrict LANES])
{
    for (size_t i = 0; i < count; i++)
        for (size_t lane = 0; lane < LANES; lane++) {
            const uint32_t value = bytes[i * LANES + lane];
            sums[lane] += value;
            squares[lane] += value * value;
        }
}

/* Sums of the channels, which LANES is a multiple of. */
static void sum_channels(const uint8_t *pixels, size_t count, int channels, Traits *traits)
{
    enum { MOST = 1 << 16 };  // times 255 squared is below 2^32
    for (size_t done = 0; done < count;) {
        uint32_t sums[LANES] = {0}, squares[LANES] = {0};
        const size_t left = (count - done) / LANES, rows = left < MOST ? left : MOST;
        sum_lanes(pixels + done, rows, sums, squares);
        done += rows * LANES;
        for (size_t lane = 0; rows == 0 && done < count; lane++, done++) {
            sums[lane] = pixels[done];
            squares[lane] = sums[lane] * sums[lane];
        }
        for (size_t lane = 0; lane < LANES; lane++) {
            traits->sum[lane % (size_t)channels] += sums[lane];
            traits->squares[lane % (size_t)channels] += squares[lane];
        }
    }
}

void traits_of(TraitsMaker *m, const uint8_t *pixels, Traits *traits)
{
    const size_t area = (size_t)m->size * (size_t)m->size, channels = (size_t)m->channels;
    *traits = (Traits){
        .phash = phash_of(m->phash, pixels, m->channels),
        // Each pixel equals the next one.
        .one_colour = memcmp(pixels, pixels + channels, (area - 1) * channels) == 0,
    };
    sum_channels(pixels, area * channels, m->channels, traits);
}
