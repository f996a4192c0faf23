#include "server/data/import/traits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/sha256.h"
#include "server/data/import/phash.h"

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

static ShortDigest digest_of(const uint8_t *bytes, size_t count)
{
    char text[65], high[17];
    Sha256 hash = sha256_new();
    sha256_add(&hash, bytes, count);
    sha256_hex(&hash, text);
    text[32] = '\0';
    snprintf(high, sizeof high, "%.16s", text);
    return (ShortDigest){.high = strtoull(high, NULL, 16), .low = strtoull(text + 16, NULL, 16)};
}

static void sum_channel(const uint8_t *pixels, size_t count, int channels, uint64_t *sum,
                        uint64_t *squares)
{
    const size_t step = (size_t)channels;
    uint64_t s = 0, q = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t value = pixels[i * step];
        s += value;
        q += (uint64_t)value * value;
    }
    *sum = s;
    *squares = q;
}

void traits_of(TraitsMaker *m, const uint8_t *bytes, size_t count, const uint8_t *pixels,
               Traits *traits)
{
    const size_t area = (size_t)m->size * (size_t)m->size, channels = (size_t)m->channels;
    *traits = (Traits){
        .file = digest_of(bytes, count),
        .pixels = digest_of(pixels, area * channels),
        .phash = phash_of(m->phash, pixels, m->channels),
        // Each pixel equals the next one.
        .one_colour = memcmp(pixels, pixels + channels, (area - 1) * channels) == 0,
    };
    for (int c = 0; c < m->channels; c++)
        sum_channel(pixels + c, area, m->channels, &traits->sum[c], &traits->squares[c]);
}
