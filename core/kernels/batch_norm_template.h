/* core/kernels/batch_norm_template.h -- BatchNormPasses for one type of maps; included by the files
 * that have them. CLONES stands before each function. */
#include "core/kernels/batch_norm_rows.h"
#include "core/kernels/vec.h"

/* Sums are float32 for so many pixels, which also stay in cache while the channels are gone
 * through, a few vectors at a time. */
enum { TILE = 128, UNROLLED = 4 };

/* The `lanes` numbers that begin at src, then zeros. */
VEC_INLINE void load(Vec *x, const char *src, size_t lanes, bool bf16)
{
    if (lanes == VEC) {
        vec_load(x, src, bf16);
    } else {
        char full[sizeof *x] = {0};
        memcpy(full, src, lanes * (bf16 ? 2 : 4));
        vec_load(x, full, bf16);
    }
}

VEC_INLINE void store(char *dst, const Vec *x, size_t lanes, bool bf16)
{
    if (lanes == VEC) {
        vec_store(dst, x, bf16);
    } else {
        char full[sizeof *x];
        vec_store(full, x, bf16);
        memcpy(dst, full, lanes * (bf16 ? 2 : 4));
    }
}

VEC_INLINE void load_term(Vec *x, const float *terms, size_t channel)
{
    memcpy(x, terms + channel, sizeof *x);
}

VEC_INLINE void add_to(double *sums, const Vec *x)
{
    for (size_t i = 0; i < VEC; i++)
        sums[i] += (double)(*x)[i];
}

/* 0 where the ReLU's argument y is not above 0; where it is a NaN, dy stays. */
VEC_INLINE void mask(Vec *dy, const Vec *y)
{
    const Vec zero = {0};
    VecBits bits;
    memcpy(&bits, dy, sizeof bits);
    bits &= ~(VecBits)(*y <= zero);
    memcpy(dy, &bits, sizeof *dy);
}

/* ---- The sums: `vectors` of channels from `channel`, the last one of `lanes`, over a tile ---- */

VEC_INLINE void tile_statistics(const BatchNormRows *r, const char *src, size_t pixels,
                                const float *centre, size_t channel, size_t vectors, size_t lanes,
                                double *sums, bool bf16)
{
    const size_t number = bf16 ? 2 : 4;
    Vec about[UNROLLED], sum[UNROLLED] = {0}, squares[UNROLLED] = {0};
    for (size_t v = 0; v < vectors; v++)
        load_term(&about[v], centre, channel + v * VEC);
    for (size_t p = 0; p < pixels; p++) {
        const char *row = src + (p * r->channels + channel) * number;
        for (size_t v = 0; v < vectors; v++) {
            Vec x;
            load(&x, row + v * VEC * number, v + 1 < vectors ? VEC : lanes, bf16);
            x -= about[v];
            sum[v] += x;
            squares[v] += x * x;
        }
    }
    for (size_t v = 0; v < vectors; v++) {
        add_to(sums + channel + v * VEC, &sum[v]);
        add_to(sums + r->padded + channel + v * VEC, &squares[v]);
    }
}

VEC_INLINE void tile_grad_sums(const BatchNormRows *r, const char *diff_dst, const char *src,
                               size_t pixels, const BatchNormTerms *t, bool relu, size_t channel,
                               size_t vectors, size_t lanes, double *sums, bool bf16)
{
    const size_t number = bf16 ? 2 : 4;
    Vec mean[UNROLLED], factor[UNROLLED], shift[UNROLLED];
    Vec sum[UNROLLED] = {0}, products[UNROLLED] = {0};
    for (size_t v = 0; v < vectors; v++) {
        load_term(&mean[v], t->mean, channel + v * VEC);
        load_term(&factor[v], t->factor, channel + v * VEC);
        load_term(&shift[v], t->shift, channel + v * VEC);
    }
    for (size_t p = 0; p < pixels; p++) {
        const char *x_row = src + (p * r->channels + channel) * number;
        const char *dy_row = diff_dst + (p * r->stride + channel) * number;
        for (size_t v = 0; v < vectors; v++) {
            const size_t here = v + 1 < vectors ? VEC : lanes;
            Vec x, dy;
            load(&x, x_row + v * VEC * number, here, bf16);
            load(&dy, dy_row + v * VEC * number, here, bf16);
            x -= mean[v];
            if (relu) {
                const Vec y = x * factor[v] + shift[v];
                mask(&dy, &y);
            }
            sum[v] += dy;
            products[v] += dy * x;
        }
    }
    for (size_t v = 0; v < vectors; v++) {
        add_to(sums + channel + v * VEC, &sum[v]);
        add_to(sums + r->padded + channel + v * VEC, &products[v]);
    }
}

/* Run a tile's sums over all channels: CALL(first channel, vectors, lanes of the last one). */
#define FOR_CHANNELS(R, CALL)                                                                      \
    do {                                                                                           \
        size_t c = 0;                                                                              \
        for (; c + UNROLLED * VEC <= (R)->channels; c += UNROLLED * VEC)                           \
            CALL(c, UNROLLED, VEC);                                                                \
        for (; c + VEC <= (R)->channels; c += VEC)                                                 \
            CALL(c, 1, VEC);                                                                       \
        if (c < (R)->channels)                                                                     \
            CALL(c, 1, (R)->channels - c);                                                         \
    } while (0)

VEC_INLINE void all_statistics(const BatchNormRows *r, const void *src, const float *centre,
                               double *sums, bool bf16)
{
    const size_t row = r->channels * (bf16 ? 2 : 4);
    for (size_t p = 0; p < r->pixels; p += TILE) {
        const char *at = (const char *)src + p * row;
        const size_t pixels = r->pixels - p < TILE ? r->pixels - p : TILE;
#define CALL(C, N, LANES) tile_statistics(r, at, pixels, centre, C, N, LANES, sums, bf16)
        FOR_CHANNELS(r, CALL);
#undef CALL
    }
}

VEC_INLINE void all_grad_sums(const BatchNormRows *r, const void *diff_dst, const void *src,
                              const BatchNormTerms *t, bool relu, double *sums, bool bf16)
{
    const size_t number = bf16 ? 2 : 4;
    for (size_t p = 0; p < r->pixels; p += TILE) {
        const char *dy = (const char *)diff_dst + p * r->stride * number;
        const char *x = (const char *)src + p * r->channels * number;
        const size_t pixels = r->pixels - p < TILE ? r->pixels - p : TILE;
#define CALL(C, N, LANES) tile_grad_sums(r, dy, x, pixels, t, relu, C, N, LANES, sums, bf16)
        FOR_CHANNELS(r, CALL);
#undef CALL
    }
}

/* ---- Number by number ---- */

VEC_INLINE void value(const BatchNormTerms *t, bool relu, char *dst, const char *src,
                      size_t channel, size_t lanes, bool bf16)
{
    Vec x, mean, factor, shift;
    load(&x, src, lanes, bf16);
    load_term(&mean, t->mean, channel);
    load_term(&factor, t->factor, channel);
    load_term(&shift, t->shift, channel);
    x -= mean;
    Vec y = x * factor + shift;
    if (relu)
        vec_relu(&y);
    store(dst, &y, lanes, bf16);
}

VEC_INLINE void gradient(const BatchNormTerms *t, bool relu, char *diff_src, const char *diff_dst,
                         const char *src, size_t channel, size_t lanes, bool bf16)
{
    Vec x, dy, mean, factor, slope, offset;
    load(&x, src, lanes, bf16);
    load(&dy, diff_dst, lanes, bf16);
    load_term(&mean, t->mean, channel);
    load_term(&factor, t->factor, channel);
    load_term(&slope, t->slope, channel);
    load_term(&offset, t->offset, channel);
    x -= mean;
    if (relu) {
        Vec shift;
        load_term(&shift, t->shift, channel);
        const Vec y = x * factor + shift;
        mask(&dy, &y);
    }
    const Vec dx = dy * factor + x * slope + offset;
    store(diff_src, &dx, lanes, bf16);
}

VEC_INLINE void all_values(const BatchNormRows *r, void *dst, const void *src,
                           const BatchNormTerms *t, bool relu, bool bf16)
{
    const size_t number = bf16 ? 2 : 4, whole = r->channels / VEC * VEC;
    for (size_t p = 0; p < r->pixels; p++) {
        char *to = (char *)dst + p * r->stride * number;
        const char *from = (const char *)src + p * r->channels * number;
        for (size_t c = 0; c < whole; c += VEC)
            value(t, relu, to + c * number, from + c * number, c, VEC, bf16);
        if (whole < r->channels)
            value(t, relu, to + whole * number, from + whole * number, whole, r->channels - whole,
                  bf16);
    }
}

VEC_INLINE void all_gradients(const BatchNormRows *r, void *diff_src, const void *diff_dst,
                              const void *src, const BatchNormTerms *t, bool relu, bool bf16)
{
    const size_t number = bf16 ? 2 : 4, whole = r->channels / VEC * VEC;
    for (size_t p = 0; p < r->pixels; p++) {
        const size_t row = p * r->channels * number;
        char *dx = (char *)diff_src + row;
        const char *dy = (const char *)diff_dst + p * r->stride * number;
        const char *x = (const char *)src + row;
        for (size_t c = 0; c < whole; c += VEC)
            gradient(t, relu, dx + c * number, dy + c * number, x + c * number, c, VEC, bf16);
        if (whole < r->channels)
            gradient(t, relu, dx + whole * number, dy + whole * number, x + whole * number, whole,
                     r->channels - whole, bf16);
    }
}

/* ---- The functions of one type ---- */

#define INSTANCE(TYPE, BF16)                                                                       \
    CLONES static void statistics_##TYPE(const BatchNormRows *r, const void *src,                  \
                                         const float *centre, double *sums)                        \
    {                                                                                              \
        all_statistics(r, src, centre, sums, BF16);                                                \
    }                                                                                              \
    CLONES static void values_##TYPE(const BatchNormRows *r, void *dst, const void *src,           \
                                     const BatchNormTerms *t)                                      \
    {                                                                                              \
        if (t->relu)                                                                               \
            all_values(r, dst, src, t, true, BF16);                                                \
        else                                                                                       \
            all_values(r, dst, src, t, false, BF16);                                               \
    }                                                                                              \
    CLONES static void grad_sums_##TYPE(const BatchNormRows *r, const void *diff_dst,              \
                                        const void *src, const BatchNormTerms *t, double *sums)    \
    {                                                                                              \
        if (t->relu)                                                                               \
            all_grad_sums(r, diff_dst, src, t, true, sums, BF16);                                  \
        else                                                                                       \
            all_grad_sums(r, diff_dst, src, t, false, sums, BF16);                                 \
    }                                                                                              \
    CLONES static void grad_##TYPE(const BatchNormRows *r, void *diff_src, const void *diff_dst,   \
                                   const void *src, const BatchNormTerms *t)                       \
    {                                                                                              \
        if (t->relu)                                                                               \
            all_gradients(r, diff_src, diff_dst, src, t, true, BF16);                              \
        else                                                                                       \
            all_gradients(r, diff_src, diff_dst, src, t, false, BF16);                             \
    }

#define PASSES(TYPE)                                                                               \
    {                                                                                              \
        statistics_##TYPE, values_##TYPE, grad_sums_##TYPE, grad_##TYPE                            \
    }
