#include "core/data/decode/colour.h"

#include <stdbool.h>

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

void rgba_over_white(const uint8_t *src, size_t count, uint8_t *dst)
{
    for (size_t i = 0; i < count; i++, src += 4, dst += 3) {
        const uint8_t r = src[0], g = src[1], b = src[2], alpha = src[3];
        const bool opaque = alpha == 255;  // as most pixels are
        dst[0] = opaque ? r : over_white(r, alpha);
        dst[1] = opaque ? g : over_white(g, alpha);
        dst[2] = opaque ? b : over_white(b, alpha);
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
