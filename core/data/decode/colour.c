#include "core/data/decode/colour.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

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

/* Pixels without their fourth bytes. */
static void pack(const uint32_t *pixels, size_t count, uint8_t *dst)
{
    // A fourth byte is the next pixel's, which is written after it, or not of this chunk.
    for (size_t i = 0; i < count; i++) {
        const uint32_t pixel = htole32(pixels[i]);
        memcpy(dst + 3 * i, &pixel, i + 1 < count ? 4 : 3);
    }
}

#ifdef __x86_64__
/* The same of a whole chunk, four pixels at a time. */
__attribute__((target("ssse3"))) static void pack_chunk(const uint32_t *pixels, uint8_t *dst)
{
    const __m128i kept = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    for (size_t i = 0; i < CHUNK; i += 4) {
        const __m128i four = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(pixels + i)), kept);
        if (i + 4 < CHUNK) {
            _mm_storeu_si128((__m128i *)(dst + 3 * i), four);
        } else {
            _mm_storel_epi64((__m128i *)(dst + 3 * i), four);
            const int last = _mm_cvtsi128_si32(_mm_srli_si128(four, 8));
            memcpy(dst + 3 * i + 8, &last, sizeof last);
        }
    }
}

static bool packs_chunks(void)
{
    return __builtin_cpu_supports("ssse3");
}
#else
static void pack_chunk(const uint32_t *pixels, uint8_t *dst)
{
    pack(pixels, CHUNK, dst);
}

static bool packs_chunks(void)
{
    return false;
}
#endif

void rgba_over_white(const uint8_t *src, size_t count, uint8_t *dst)
{
    uint32_t whole[CHUNK] = {0}, blended[CHUNK];
    const bool chunks = packs_chunks();
    for (size_t done = 0; done < count; done += CHUNK) {
        const size_t now = count - done < CHUNK ? count - done : CHUNK;
        memcpy(whole, src + 4 * done, 4 * now);
        for (size_t i = 0; i < CHUNK; i++)
            whole[i] = le32toh(whole[i]);
        blend(whole, blended);
        if (chunks && now == CHUNK)
            pack_chunk(blended, dst + 3 * done);
        else
            pack(blended, now, dst + 3 * done);
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
