#include "core/kernels/max_pool_bf16.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/numbers/simd.h"
#include "core/kernels/vec.h"

/* DESIGN. A pixel is computed for all its channels at once. Forward, from nine rows of channels,
 * such that the compiler can unroll and keep everything in registers: where a window reaches over
 * the edge, a row that changes no maximum replaces what is missing. Backward, from the
 * windows that the pixel is in, which says of every number once where it goes and needs no zeros
 * first.
 */

enum { SIDE = 3, TAPS = SIDE * SIDE };

static ptrdiff_t src_pixel(const MaxPoolBf16 *p)
{
    return p->src_pixel ? p->src_pixel : p->channels;
}

static ptrdiff_t dst_pixel(const MaxPoolBf16 *p)
{
    return p->dst_pixel ? p->dst_pixel : p->channels;
}

/* ---- Forward ---- */

/* The bits of a bfloat16 as an integer in the order of the numbers, and back. Integers alone would
 * have NaNs with their sign set, as x86 makes them, below minus infinity: NEGATIVE_NANS of them are
 * moved round to the top. One is left at the bottom, LOWEST, which changes no maximum: a signalling
 * NaN, which arithmetic never gives. */
enum { NEGATIVE_NANS = 126, LOWEST = 0xff81 };

static inline int16_t ordered(int16_t bits)
{
    const uint16_t value = (uint16_t)(bits ^ (int16_t)((bits >> 15) & 0x7fff));
    return (int16_t)(uint16_t)(value - NEGATIVE_NANS);
}

static inline int16_t unordered(int16_t order)
{
    const int16_t value = (int16_t)(uint16_t)((uint16_t)order + NEGATIVE_NANS);
    return (int16_t)(value ^ (int16_t)((value >> 15) & 0x7fff));
}

SIMD_CLONES static void maximum(const int16_t *const *taps, int channels, int16_t *restrict dst)
{
    for (int c = 0; c < channels; c++) {
        int16_t best = ordered(taps[0][c]);
#pragma GCC unroll 8
        for (int t = 1; t < TAPS; t++) {
            const int16_t x = ordered(taps[t][c]);
            best = x > best ? x : best;
        }
        dst[c] = unordered(best);
    }
}

SIMD_CLONES static void maximum_and_argmax(const int16_t *const *taps, int channels,
                                           int16_t *restrict dst, int16_t *restrict argmax)
{
    for (int c = 0; c < channels; c++) {
        int16_t best = ordered(taps[0][c]), index = 0;
#pragma GCC unroll 8
        for (int16_t t = 1; t < TAPS; t++) {
            const int16_t x = ordered(taps[t][c]);
            index = x > best ? t : index;
            best = x > best ? x : best;
        }
        dst[c] = unordered(best);
        argmax[c] = index;
    }
}

static void find_taps(const MaxPoolBf16 *p, const uint16_t *image, int y, int x,
                      const int16_t *lowest, const int16_t **taps)
{
    for (int t = 0; t < TAPS; t++) {
        const int row = y * p->stride + t / SIDE - p->pad;
        const int column = x * p->stride + t % SIDE - p->pad;
        const bool inside = row >= 0 && row < p->src_height && column >= 0 && column < p->src_width;
        taps[t] = inside ? (const int16_t *)image
                               + (ptrdiff_t)(row * p->src_width + column) * src_pixel(p)
                         : lowest;
    }
}

void max_pool_bf16_forward(const MaxPoolBf16 *p, const uint16_t *src, uint16_t *dst,
                           int16_t *argmax)
{
    const ptrdiff_t src_image = (ptrdiff_t)p->src_height * p->src_width * src_pixel(p);
    const int rows = p->batch * p->dst_height;
    int16_t *lowest = xcalloc((size_t)p->channels, sizeof *lowest);
    for (int c = 0; c < p->channels; c++)
        lowest[c] = (int16_t)LOWEST;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < rows; row++) {
        const uint16_t *image = src + row / p->dst_height * src_image;
        for (int x = 0; x < p->dst_width; x++) {
            const int16_t *taps[TAPS];
            find_taps(p, image, row % p->dst_height, x, lowest, taps);
            const ptrdiff_t pixel = (ptrdiff_t)row * p->dst_width + x;
            int16_t *to = (int16_t *)dst + pixel * dst_pixel(p);
            if (argmax)
                maximum_and_argmax(taps, p->channels, to, argmax + pixel * p->channels);
            else
                maximum(taps, p->channels, to);
        }
    }
    free(lowest);
}

/* ---- Backward ---- */

/* What one window has for a pixel: its gradient, where the pixel is its maximum. */
typedef struct {
    const uint16_t *diff;
    const int16_t *argmax;
    int16_t tap;  // the index of the pixel within the window
} Share;

typedef int16_t Halves __attribute__((vector_size(64), aligned(64)));

/* Sums of MAX_POOL_BF16_CHANNELS channels from c. A 32-bit lane holds two neighbours: the bits of
 * the upper one, without those of the lower, are a float32, and those of the lower, shifted up. */
VEC_INLINE void add_lanes(const Share *shares, int count, int c, uint16_t *dst)
{
    const VecBits upper_half = (VecBits){0} + 0xffff0000u;
    Vec lower = {0}, upper = {0};
    for (int i = 0; i < count; i++) {
        Halves argmax, diff;
        memcpy(&argmax, shares[i].argmax + c, sizeof argmax);
        memcpy(&diff, shares[i].diff + c, sizeof diff);
        diff &= argmax == shares[i].tap;
        const VecBits pairs = (VecBits)diff;
        lower += (Vec)(pairs << 16);
        upper += (Vec)(pairs & upper_half);
    }
    VecBits low, high;
    vec_round(&low, &lower);
    vec_round(&high, &upper);
    const VecBits pairs = low | (high << 16);
    memcpy(dst + c, &pairs, sizeof pairs);
}

/* The last lanes are computed twice where they do not come out even. */
SIMD_CLONES static void add_shares(const Share *shares, int count, int channels, uint16_t *dst)
{
    const int last = channels - MAX_POOL_BF16_CHANNELS;
    for (int c = 0; c < last; c += MAX_POOL_BF16_CHANNELS)
        add_lanes(shares, count, c, dst);
    add_lanes(shares, count, last, dst);
}

/* The windows that reach index i of a row or column: [first, end). */
typedef struct {
    int first, end;
} Span;

static Span windows_of(const MaxPoolBf16 *p, int i, int windows)
{
    const int after = i + p->pad - SIDE + p->stride, last = (i + p->pad) / p->stride;
    return (Span){after > 0 ? after / p->stride : 0, last < windows ? last + 1 : windows};
}

/* What those of row y and column x have for pixel (y, x), in reading order; returns how many. */
static int find_shares(const MaxPoolBf16 *p, const uint16_t *diff, const int16_t *argmax, int y,
                       int x, Span ys, Span xs, Share *shares)
{
    int count = 0;
    for (int i = ys.first; i < ys.end; i++) {
        for (int j = xs.first; j < xs.end; j++) {
            const int tap = (y + p->pad - i * p->stride) * SIDE + x + p->pad - j * p->stride;
            const ptrdiff_t pixel = i * p->dst_width + j;
            shares[count++] =
                (Share){diff + pixel * dst_pixel(p), argmax + pixel * p->channels, (int16_t)tap};
        }
    }
    return count;
}

void max_pool_bf16_backward(const MaxPoolBf16 *p, const uint16_t *diff_dst, const int16_t *argmax,
                            uint16_t *diff_src)
{
    const ptrdiff_t dst_image = (ptrdiff_t)p->dst_height * p->dst_width;
    const int rows = p->batch * p->src_height;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < rows; row++) {
        const ptrdiff_t image = row / p->src_height * dst_image;
        const int y = row % p->src_height;
        const Span ys = windows_of(p, y, p->dst_height);
        for (int x = 0; x < p->src_width; x++) {
            Share shares[TAPS];
            const Span xs = windows_of(p, x, p->dst_width);
            const int count = find_shares(p, diff_dst + image * dst_pixel(p),
                                          argmax + image * p->channels, y, x, ys, xs, shares);
            add_shares(shares, count, p->channels,
                       diff_src + ((ptrdiff_t)row * p->src_width + x) * src_pixel(p));
        }
    }
}
