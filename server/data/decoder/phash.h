/* server/data/decoder/phash.h -- a perceptual hash: pictures that look alike differ in few bits.
 *
 * pHash: the picture's luma, its two-dimensional DCT-II, of that the 8 x 8 lowest frequencies. Bit
 * 8*v + u is set where the coefficient of frequency (v, u) is above the median of the 64. Scaling,
 * another compression, brightness and a little noise change a few bits; two pictures that have
 * nothing to do with each other differ in about half of them.
 *
 * Shapes   pixels (size, size, channels), 1 or 3 channels, size 8 to 1024.
 * Source   Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions", 3.2;
 *          luma of ITU-R BT.601.
 */
#pragma once
#include <stdint.h>

enum { PHASH_BITS = 64 };

/* The cosines of one size. */
typedef struct Phash Phash;

Phash *phash_new(int size);
void phash_free(Phash *p);  // takes NULL

/* Not for two threads at once. */
uint64_t phash_of(Phash *p, const uint8_t *pixels, int channels);

static inline int phash_distance(uint64_t a, uint64_t b)
{
    return __builtin_popcountll(a ^ b);
}
