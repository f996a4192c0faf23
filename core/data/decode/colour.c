#include "core/data/decode/colour.h"

#include <endian.h>
#include <string.h>

#include "core/base/numbers/simd.h"

/* x / 255, rounded to nearest, for 0 <= x <= 255 * 255. */
static inline unsigned div255(unsigned x)
{
    x += 128;
    return (x + (x >> 8)) >> 8;
}

static inline uint8_t over_white(unsigned value, unsigned alpha)
{
    return (uint8_t)div255(value * alpha + 255 * (255 - alpha));
}

enum { CHUNK = 64 };  // pixels that are blended together

/* Red in the lowest byte. */
SIMD_CLONES static void blend(const uint32_t *restrict src, uint32_t *restrict dst)
{
    for (size_t i = 0; i < CHUNK; i++) {
        const unsigned alpha = src[i] >> 24, white = 255 * (255 - alpha);
        dst[i] = div255((src[i] & 255) * alpha + white)
                 | div255((src[i] >> 8 & 255) * alpha + white) << 8
                 | div255((src[i] >> 16 & 255) * alpha + white) << 16;
    }
}

void rgba_over_white(const uint8_t *src, size_t count, uint8_t *dst)
{
    uint32_t whole[CHUNK] = {0}, blended[CHUNK];
    for (size_t done = 0; done < count; done += CHUNK) {
        const size_t now = count - done < CHUNK ? count - done : CHUNK;
        memcpy(whole, src + 4 * done, 4 * now);
        for (size_t i = 0; i < CHUNK; i++)
            whole[i] = le32toh(whole[i]);
        blend(whole, blended);
        // A fourth byte is the next pixel's, which is written after it, or not of this chunk.
        for (size_t i = 0; i < now; i++) {
            const uint32_t pixel = htole32(blended[i]);
            memcpy(dst + 3 * (done + i), &pixel, i + 1 < now ? 4 : 3);
        }
    }
}

void rgba_grey_over_white(const uint8_t *src, size_t count, uint8_t *dst)
{
    for (size_t i = 0; i < count; i++)
        dst[i] = over_white(src[4 * i], src[4 * i + 3]);
}

void grey_alpha_over_white(const uint8_t *src, size_t count, uint8_t *dst)
{
    for (size_t i = 0; i < count; i++)
        dst[i] = over_white(src[2 * i], src[2 * i + 1]);
}

/* Stored are 255 - C, 255 - M, 255 - Y and 255 - K. */
void inverted_cmyk_to_rgb(const uint8_t *src, size_t count, uint8_t *dst)
{
    for (size_t i = 0; i < count; i++, src += 4, dst += 3) {
        const unsigned light = src[3];
        for (int c = 0; c < 3; c++)
            dst[c] = (uint8_t)(light - div255((255u - src[c]) * light));
    }
}

void rgb_to_grey(const uint8_t *src, size_t count, uint8_t *dst)
{
    for (size_t i = 0; i < count; i++)
        dst[i] = (uint8_t)((src[3 * i] * 19595u + src[3 * i + 1] * 38470u + src[3 * i + 2] * 7471u
                            + 0x8000u)
                           >> 16);
}
