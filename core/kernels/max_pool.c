#include "core/kernels/max_pool.h"

#include <stddef.h>
#include <string.h>

#include "core/base/numbers/bf16.h"
#include "core/base/numbers/simd.h"
#include "core/kernels/vec.h"

/* DESIGN. Forward goes through the pixels of dst, and for each through its window, VEC channels at
 * a time. Backward goes through the pixels of src, and for each through the windows that reach it:
 * each number is written once, by one thread. */

static size_t number_bytes(const MaxPool *p)
{
    return p->bf16 ? sizeof(uint16_t) : sizeof(float);
}

static size_t src_pixel(const MaxPool *p)
{
    return (size_t)(p->src_pixel ? p->src_pixel : p->channels);
}

static size_t dst_pixel(const MaxPool *p)
{
    return (size_t)(p->dst_pixel ? p->dst_pixel : p->channels);
}

static int at_least_0(int x)
{
    return x > 0 ? x : 0;
}

static int at_most(int limit, int x)
{
    return x < limit ? x : limit;
}

/* ---- Forward ---- */

/* The part of a window that lies in the image, and where its first pixel is. */
typedef struct {
    int u, u_end, v, v_end;  // rows and columns of the window
    const char *first;       // of pixel (u, v)
} ClippedWindow;

static ClippedWindow window_at(const MaxPool *p, const void *src, int row, int x)
{
    const int top = row % p->dst_height * p->stride[0] - p->pad[0];
    const int left = x * p->stride[1] - p->pad[1];
    ClippedWindow w = {.u = at_least_0(-top),
                       .u_end = at_most(p->kernel[0], p->src_height - top),
                       .v = at_least_0(-left),
                       .v_end = at_most(p->kernel[1], p->src_width - left)};
    const int image = row / p->dst_height;
    const ptrdiff_t pixel =
        ((ptrdiff_t)image * p->src_height + top + w.u) * p->src_width + left + w.v;
    w.first = (const char *)src + (size_t)pixel * src_pixel(p) * number_bytes(p);
    return w;
}

typedef struct {
    Vec value;
    VecBits argmax;
} Best;

/* Take x where it is larger or a NaN, unless there is a NaN already. */
VEC_INLINE void take_larger(Best *best, const Vec *x, uint32_t index)
{
    const VecBits take = ~(VecBits)(*x <= best->value) & (VecBits)(best->value == best->value);
    VecBits bits, value;
    memcpy(&bits, x, sizeof bits);
    memcpy(&value, &best->value, sizeof value);
    value = (bits & take) | (value & ~take);
    memcpy(&best->value, &value, sizeof value);
    best->argmax = (index & take) | (best->argmax & ~take);
}

/* `count` numbers, VEC or fewer; zeros follow. */
VEC_INLINE void load_some(Vec *x, const char *src, bool bf16, int count)
{
    char some[VEC * sizeof(float)] = {0};
    if (count < VEC)
        memcpy(some, src, (size_t)count * (bf16 ? sizeof(uint16_t) : sizeof(float)));
    vec_load(x, count < VEC ? some : src, bf16);
}

/* `count` channels from `at`, which points into the window's first pixel: a maximum of itself. */
VEC_INLINE void pool_vec(const MaxPool *p, bool bf16, const ClippedWindow *w, const char *at,
                         int count, Best *best)
{
    const size_t pixel = src_pixel(p) * (bf16 ? sizeof(uint16_t) : sizeof(float));
    const VecBits zero = {0};
    best->argmax = zero + (uint32_t)(w->u * p->kernel[1] + w->v);
    load_some(&best->value, at, bf16, count);
    for (int u = w->u; u < w->u_end; u++, at += (size_t)p->src_width * pixel) {
        for (int v = w->v; v < w->v_end; v++) {
            Vec x;
            load_some(&x, at + (size_t)(v - w->v) * pixel, bf16, count);
            take_larger(best, &x, (uint32_t)(u * p->kernel[1] + v));
        }
    }
}

VEC_INLINE void store_some(bool bf16, const Best *best, int count, char *dst, uint16_t *argmax)
{
    // What came from bfloat16 needs no rounding.
    VecBits bits;
    memcpy(&bits, &best->value, sizeof bits);
    const VecHalf half = __builtin_convertvector(bits >> 16, VecHalf);
    const VecHalf indices = __builtin_convertvector(best->argmax, VecHalf);
    if (bf16)
        memcpy(dst, &half, (size_t)count * sizeof(uint16_t));
    else
        memcpy(dst, &bits, (size_t)count * sizeof(float));
    if (argmax)
        memcpy(argmax, &indices, (size_t)count * sizeof *argmax);
}

/* One pixel of dst, all channels. */
VEC_INLINE void pool_pixel(const MaxPool *p, bool bf16, const ClippedWindow *w, char *dst,
                           uint16_t *argmax)
{
    const size_t number = bf16 ? sizeof(uint16_t) : sizeof(float);
    const int whole = p->channels / VEC * VEC, rest = p->channels - whole;
    Best best = {0};
    for (int c = 0; c < whole; c += VEC) {
        const size_t at = (size_t)c * number;
        pool_vec(p, bf16, w, w->first + at, VEC, &best);
        store_some(bf16, &best, VEC, dst + at, argmax ? argmax + c : NULL);
    }
    if (rest > 0) {
        const size_t at = (size_t)whole * number;
        pool_vec(p, bf16, w, w->first + at, rest, &best);
        store_some(bf16, &best, rest, dst + at, argmax ? argmax + whole : NULL);
    }
}

SIMD_CLONES static void pool_pixel_f32(const MaxPool *p, const ClippedWindow *w, char *dst,
                                       uint16_t *argmax)
{
    pool_pixel(p, false, w, dst, argmax);
}

SIMD_CLONES static void pool_pixel_bf16(const MaxPool *p, const ClippedWindow *w, char *dst,
                                        uint16_t *argmax)
{
    pool_pixel(p, true, w, dst, argmax);
}

void max_pool_forward(const MaxPool *p, const void *src, void *dst, uint16_t *argmax)
{
    const int rows = p->batch * p->dst_height;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < rows; row++) {
        for (int x = 0; x < p->dst_width; x++) {
            const ClippedWindow w = window_at(p, src, row, x);
            const size_t pixel = (size_t)row * (size_t)p->dst_width + (size_t)x;
            (p->bf16 ? pool_pixel_bf16
                     : pool_pixel_f32)(p, &w, (char *)dst + pixel * dst_pixel(p) * number_bytes(p),
                                       argmax ? argmax + pixel * (size_t)p->channels : NULL);
        }
    }
}

/* ---- Backward ---- */

/* sums[c] += diff[c] where argmax[c] is `index`. */
SIMD_CLONES static void add_f32(float *restrict sums, const float *restrict diff,
                                const uint16_t *restrict argmax, uint16_t index, int channels)
{
    for (int c = 0; c < channels; c++)
        sums[c] += argmax[c] == index ? diff[c] : 0;
}

SIMD_CLONES static void add_bf16(float *restrict sums, const uint16_t *restrict diff,
                                 const uint16_t *restrict argmax, uint16_t index, int channels)
{
    for (int c = 0; c < channels; c++)
        sums[c] += argmax[c] == index ? bf16_to_float(diff[c]) : 0;
}

SIMD_CLONES static void round_bf16(uint16_t *restrict dst, const float *restrict sums, int channels)
{
    for (int c = 0; c < channels; c++)
        dst[c] = float_to_bf16(sums[c]);
}

/* The windows that reach index i of a column (way 0) or a row (1): [first, end). */
typedef struct {
    int first, end;
} Span;

static Span windows_of(const MaxPool *p, int way, int i, int windows)
{
    const int stride = p->stride[way], at = i + p->pad[way];
    const int after = at - p->kernel[way] + stride, last = at / stride;
    return (Span){after > 0 ? after / stride : 0, last < windows ? last + 1 : windows};
}

/* Sums for `count` channels, from channel c, of pixel (y, x) of src in image n. */
typedef struct {
    int n, y, x, c, count;
} Piece;

static void sum_windows(const MaxPool *p, const Piece *s, const void *diff_dst,
                        const uint16_t *argmax, float *sums)
{
    const Span ys = windows_of(p, 0, s->y, p->dst_height);
    const Span xs = windows_of(p, 1, s->x, p->dst_width);
    memset(sums, 0, (size_t)s->count * sizeof *sums);
    for (int i = ys.first; i < ys.end; i++) {
        for (int j = xs.first; j < xs.end; j++) {
            const int u = s->y + p->pad[0] - i * p->stride[0];
            const int v = s->x + p->pad[1] - j * p->stride[1];
            const ptrdiff_t window = ((ptrdiff_t)s->n * p->dst_height + i) * p->dst_width + j;
            const ptrdiff_t at = window * p->channels + s->c;
            const ptrdiff_t diff = window * (ptrdiff_t)dst_pixel(p) + s->c;
            const uint16_t index = (uint16_t)(u * p->kernel[1] + v);
            if (p->bf16)
                add_bf16(sums, (const uint16_t *)diff_dst + diff, argmax + at, index, s->count);
            else
                add_f32(sums, (const float *)diff_dst + diff, argmax + at, index, s->count);
        }
    }
}

void max_pool_backward(const MaxPool *p, const void *diff_dst, const uint16_t *argmax,
                       void *diff_src)
{
    enum { CHANNELS = 512 };  // at a time
    const int rows = p->batch * p->src_height;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < rows; row++) {
        for (int x = 0; x < p->src_width; x++) {
            for (int c = 0; c < p->channels; c += CHANNELS) {
                float sums[CHANNELS];
                const Piece s = {row / p->src_height, row % p->src_height, x, c,
                                 at_most(CHANNELS, p->channels - c)};
                const ptrdiff_t at =
                    ((ptrdiff_t)row * p->src_width + x) * (ptrdiff_t)src_pixel(p) + c;
                sum_windows(p, &s, diff_dst, argmax, sums);
                if (p->bf16)
                    round_bf16((uint16_t *)diff_src + at, sums, s.count);
                else
                    memcpy((float *)diff_src + at, sums, (size_t)s.count * sizeof(float));
            }
        }
    }
}
