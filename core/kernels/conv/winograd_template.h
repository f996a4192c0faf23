/* core/kernels/conv/winograd_template.h -- the transforms of winograd_transforms.h, to be compiled.
 *
 * A function is written once, as an inline function of a variant and a number type, and
 * instantiated for each pair of them: the compiler then knows sizes and coefficients, unrolls, and
 * drops the zeros. A file defines TRANSFORM, with which instances are declared, and includes this.
 */
#include "core/kernels/conv/winograd_lines.h"
#include "core/kernels/conv/winograd_transforms.h"

/* ---- Weights ---- */

/* Sixteen output channels, one input channel. */
WINOGRAD_INLINE void pack_vec(const Variant *f, const float *weights, ptrdiff_t out_step,
                              bool flipped, Vec *points)
{
    const int taps = f->r * f->r;
    Vec w[MAX_POINTS];
    for (int tap = 0; tap < taps; tap++) {
        for (int lane = 0; lane < VEC; lane++)
            w[tap][lane] = weights[lane * out_step + (flipped ? taps - 1 - tap : tap)];
    }
    winograd_to_points(f, points, w, f->g, false, f->r);
}

/* One row of a panel, for all points: depth index k, output channels from `o`. */
WINOGRAD_INLINE void pack_row(const Winograd *w, const WinogradLayout *l, const Variant *f,
                              bool bf16, const float *weights, bool flipped, int k, int o,
                              float *packed)
{
    const ptrdiff_t taps = f->r * f->r;
    const ptrdiff_t in_step = flipped ? w->conv.out * taps : taps;
    const ptrdiff_t out_step = flipped ? taps : w->conv.in * taps;
    Vec x[MAX_POINTS], y[MAX_POINTS];
    if (bf16) {
        pack_vec(f, weights + 2 * k * in_step + o * out_step, out_step, flipped, x);
        pack_vec(f, weights + (2 * k + 1) * in_step + o * out_step, out_step, flipped, y);
    } else {
        pack_vec(f, weights + k * in_step + o * out_step, out_step, flipped, x);
    }
    const int panel = o / GEMM_PANEL * GEMM_PANEL;
    const int width = w->conv.out - panel < GEMM_PANEL ? w->conv.out - panel : GEMM_PANEL;
    float *dst =
        packed + (size_t)panel * (size_t)l->depth + (size_t)k * (size_t)width + (o - panel);
    for (int p = 0; p < f->t * f->t; p++, dst += l->u_point) {
        if (bf16)
            vec_stream_pairs(dst, &x[p], &y[p]);
        else
            vec_store(dst, &x[p], false);
    }
}

/* ---- Tiles in, tiles out ---- */

/* Transform `count` tiles from `first`: v[point][tile][channel]. */
WINOGRAD_INLINE void tiles_in(const Winograd *w, const WinogradLayout *l, const Variant *f,
                              bool bf16, const void *src, const void *zeros, int first, int count,
                              float *v)
{
    const size_t size = bf16 ? 2 : 4;
    const char *pixels[MAX_POINTS];
    for (int tile = 0; tile < count; tile++) {
        winograd_pixels(w, l->tiles, first + tile, (f->r - 1) / 2, f->t, src,
                        conv_problem_src_stride(&w->conv), zeros, pixels);
        for (int c = 0; c < w->conv.in; c += VEC) {
            Vec x[MAX_POINTS], points[MAX_POINTS];
            WINOGRAD_UNROLL(36)
            for (int p = 0; p < f->t * f->t; p++)
                vec_load(&x[p], pixels[p] + (size_t)c * size, bf16);
            winograd_to_points(f, points, x, f->bt, false, f->t);
            char *dst = (char *)(v + (size_t)tile * (size_t)l->depth) + (size_t)c * size;
            WINOGRAD_UNROLL(36)
            for (int p = 0; p < f->t * f->t; p++)
                vec_store(dst + (size_t)p * l->v_point * sizeof(float), &points[p], bf16);
        }
    }
}

/* Transform products back: m[point][tile][channel] -> dst. */
WINOGRAD_INLINE void tiles_out(const Winograd *w, const WinogradLayout *l, const Variant *f,
                               bool bf16, const WinogradPiece *piece, const float *m, void *dst)
{
    const size_t size = bf16 ? 2 : 4;
    const WinogradMask *mask = piece->mask;
    const char *pixels[MAX_POINTS], *values[MAX_POINTS] = {NULL};
    for (int tile = 0; tile < piece->tile_count; tile++) {
        if (mask)
            winograd_pixels(w, l->tiles, piece->first_tile + tile, 0, f->m, mask->value,
                            mask->stride, NULL, values);
        winograd_pixels(w, l->tiles, piece->first_tile + tile, 0, f->m, dst,
                        conv_problem_dst_stride(&w->conv), NULL, pixels);
        for (int c = 0; c < piece->channel_count; c += VEC) {
            Vec x[MAX_POINTS], y[MAX_POINTS], bias = {0};
            const float *src = m + (size_t)tile * (size_t)piece->channel_count + c;
            WINOGRAD_UNROLL(36)
            for (int p = 0; p < f->t * f->t; p++)
                vec_load(&x[p], src + (size_t)p * l->m_point, false);
            winograd_from_points(f, y, x, f->at, false, f->m);
            if (piece->bias)
                memcpy(&bias, piece->bias + piece->first_channel + c, sizeof bias);
            WINOGRAD_UNROLL(16)
            for (int p = 0; p < f->m * f->m; p++) {
                if (!pixels[p])
                    continue;
                Vec z = y[p] + bias;
                const size_t at = (size_t)(piece->first_channel + c) * size;
                if (piece->relu)
                    vec_relu(&z);
                if (mask) {
                    Vec value;
                    vec_load(&value, values[p] + at, bf16);
                    vec_relu_mask(&z, &value);
                }
                vec_store((char *)pixels[p] + at, &z, bf16);
            }
        }
    }
}

/* ---- Backward weights ---- */

/* Tile `tile`, channels from `c`. `of_diff`: diff_dst by the transpose of at, else src by bt. */
WINOGRAD_INLINE void transform(const Variant *f, bool bf16, bool of_diff, const char *const *pixels,
                               int c, Vec *points)
{
    const int side = of_diff ? f->m : f->t;
    Vec x[MAX_POINTS];
    WINOGRAD_UNROLL(36)
    for (int p = 0; p < side * side; p++)
        vec_load(&x[p], pixels[p] + (size_t)c * (bf16 ? 2 : 4), bf16);
    if (of_diff)
        winograd_to_points(f, points, x, f->at, true, f->m);
    else
        winograd_to_points(f, points, x, f->bt, false, f->t);
}

/* Row k of the panels: tile `tile`, in bfloat16 also the one behind it. */
WINOGRAD_INLINE void pack_tiles(const Winograd *w, const Variant *f, bool bf16, bool of_diff,
                                const WinogradSide *s, int tile, int k)
{
    const int side = of_diff ? f->m : f->t, shift = of_diff ? 0 : (f->r - 1) / 2;
    const size_t step = s->point;
    const char *pixels[2][MAX_POINTS];
    for (int i = 0; i < (bf16 ? 2 : 1); i++) {
        if (tile + i < s->tiles.count)
            winograd_pixels(w, s->tiles, tile + i, shift, side, s->map, s->stride, s->zeros,
                            pixels[i]);
        else
            for (int p = 0; p < side * side; p++)
                pixels[i][p] = s->zeros;
    }
    for (int c = 0; c < s->channels; c += VEC) {
        const int panel = c / GEMM_PANEL * GEMM_PANEL, left = s->channels - panel;
        const int width = left < GEMM_PANEL ? left : GEMM_PANEL;
        float *dst =
            s->dst + (size_t)panel * (size_t)s->depth + (size_t)k * (size_t)width + (c - panel);
        Vec x[MAX_POINTS], y[MAX_POINTS];
        transform(f, bf16, of_diff, pixels[0], c, x);
        if (bf16)
            transform(f, bf16, of_diff, pixels[1], c, y);
        WINOGRAD_UNROLL(36)
        for (int p = 0; p < f->t * f->t; p++, dst += step) {
            if (bf16)
                vec_store_pairs(dst, &x[p], &y[p]);
            else
                vec_store(dst, &x[p], false);
        }
    }
}

/* products[point][rows][columns] -> sums[in][tap][out], added. */
WINOGRAD_INLINE void add_taps(const Variant *f, const float *products, size_t point, int rows,
                              int columns, float *sums, size_t out)
{
    const size_t taps = (size_t)(f->r * f->r);
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j += VEC) {
            Vec x[MAX_POINTS], y[MAX_POINTS];
            WINOGRAD_UNROLL(36)
            for (int p = 0; p < f->t * f->t; p++)
                vec_load(&x[p], products + (size_t)p * point + (size_t)i * (size_t)columns + j,
                         false);
            winograd_from_points(f, y, x, f->g, true, f->r);
            float *dst = sums + (size_t)i * taps * out + j;
            WINOGRAD_UNROLL(25)
            for (int p = 0; p < f->r * f->r; p++) {
                Vec old;
                vec_load(&old, dst + (size_t)p * out, false);
                old += y[p];
                vec_store(dst + (size_t)p * out, &old, false);
            }
        }
    }
}

/* ---- The instances ---- */

#define INSTANCE(MR, BF16)                                                                         \
    static void pack_row_##MR##_##BF16(const Winograd *w, const WinogradLayout *l,                 \
                                       const float *weights, bool flipped, int k, int o,           \
                                       float *packed)                                              \
    {                                                                                              \
        pack_row(w, l, &VARIANT_##MR, BF16, weights, flipped, k, o, packed);                       \
    }                                                                                              \
    static void tiles_in_##MR##_##BF16(const Winograd *w, const WinogradLayout *l,                 \
                                       const void *src, const void *zeros, int first, int count,   \
                                       float *v)                                                   \
    {                                                                                              \
        tiles_in(w, l, &VARIANT_##MR, BF16, src, zeros, first, count, v);                          \
    }                                                                                              \
    static void tiles_out_##MR##_##BF16(const Winograd *w, const WinogradLayout *l,                \
                                        const WinogradPiece *piece, const float *m, void *dst)     \
    {                                                                                              \
        tiles_out(w, l, &VARIANT_##MR, BF16, piece, m, dst);                                       \
    }                                                                                              \
    static void pack_src_##MR##_##BF16(const Winograd *w, const WinogradSide *s, int tile, int k)  \
    {                                                                                              \
        pack_tiles(w, &VARIANT_##MR, BF16, false, s, tile, k);                                     \
    }                                                                                              \
    static void pack_diff_##MR##_##BF16(const Winograd *w, const WinogradSide *s, int tile, int k) \
    {                                                                                              \
        pack_tiles(w, &VARIANT_##MR, BF16, true, s, tile, k);                                      \
    }                                                                                              \
    static void add_taps_##MR##_##BF16(const float *products, size_t point, int rows, int columns, \
                                       float *sums, size_t out)                                    \
    {                                                                                              \
        add_taps(&VARIANT_##MR, products, point, rows, columns, sums, out);                        \
    }

/* The instances' row of a table. */
#define INSTANCES(MR, BF16)                                                                        \
    {pack_row_##MR##_##BF16, tiles_in_##MR##_##BF16,  tiles_out_##MR##_##BF16,                     \
     pack_src_##MR##_##BF16, pack_diff_##MR##_##BF16, add_taps_##MR##_##BF16},
