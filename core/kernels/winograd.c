#include "core/kernels/winograd.h"

#include <omp.h>
#include <string.h>

#include "core/kernels/winograd_forms.h"

/* DESIGN. The work is cut into blocks of tiles and groups of output channels, such that what a
 * thread holds of both stays in its second-level cache: it transforms a block of tiles, multiplies
 * point by point, and transforms the products back, without waiting for others. The blocks of one
 * thread lie behind one another, so that tiles are rarely transformed twice.
 *
 * Left out on purpose: other strides and paddings; the library's convolution serves them.
 */

enum {
    GROUP = 2 * GEMM_PANEL,  // output channels at a time
    MAX_BLOCK = 56,          // tiles at a time
    CACHE_BYTES = 640 << 10,
    SKEW = 64 + 16,  // floats between the points' blocks, lest they meet in the same cache sets
};

typedef struct {
    Tiles tiles;
    int points;
    int depth;       // in-channels in 32-bit units
    int block;       // tiles in a block
    size_t v_point;  // from one point's block of tiles to the next, in 32-bit units
    size_t m_point;
    size_t u_point;
} Layout;

static size_t thread_floats(const Layout *l)
{
    return (size_t)l->points * (l->v_point + l->m_point);
}

static Layout layout_of(const Winograd *w)
{
    const Form *f = winograd_form(w->form);
    Layout l = {.tiles = winograd_tiles(w),
                .points = f->t * f->t,
                .depth = w->bf16 ? w->in / 2 : w->in,
                .block = MAX_BLOCK};
    const int columns = w->out < GROUP ? w->out : GROUP;
    do {
        l.v_point = (size_t)l.block * (size_t)l.depth + SKEW;
        l.m_point = (size_t)l.block * (size_t)columns + SKEW;
    } while (thread_floats(&l) * sizeof(float) > CACHE_BYTES && (l.block -= 14) > 14);
    l.u_point = (size_t)l.depth * (size_t)w->out;
    return l;
}

int winograd_kernel(WinogradForm form)
{
    return winograd_form(form)->r;
}

size_t winograd_weights_bytes(const Winograd *w)
{
    const Layout l = layout_of(w);
    return (size_t)l.points * l.u_point * sizeof(float);
}

static size_t zeros_bytes(const Winograd *w)
{
    return ((size_t)w->in * sizeof(float) + 63) / 64 * 64;
}

size_t winograd_scratch_bytes(const Winograd *w, int threads)
{
    const Layout l = layout_of(w);
    return zeros_bytes(w) + (size_t)threads * thread_floats(&l) * sizeof(float);
}

/* ---- Weights ---- */

/* Sixteen output channels, one input channel. */
VEC_INLINE void pack_vec(const Form *f, const float *weights, ptrdiff_t out_step, bool flipped,
                         Vec *points)
{
    const int taps = f->r * f->r;
    Vec w[MAX_POINTS];
    for (int tap = 0; tap < taps; tap++) {
        for (int lane = 0; lane < VEC; lane++)
            w[tap][lane] = weights[lane * out_step + (flipped ? taps - 1 - tap : tap)];
    }
    winograd_both_ways(points, w, f->g, false, f->t, f->r);
}

/* One row of a panel, for all points: depth index k, output channels from `o`. */
VEC_INLINE void pack_row(const Winograd *w, const Layout *l, const Form *f, bool bf16,
                         const float *weights, bool flipped, int k, int o, float *packed)
{
    const ptrdiff_t taps = f->r * f->r;
    const ptrdiff_t in_step = flipped ? w->out * taps : taps;
    const ptrdiff_t out_step = flipped ? taps : w->in * taps;
    Vec x[MAX_POINTS], y[MAX_POINTS];
    if (bf16) {
        pack_vec(f, weights + 2 * k * in_step + o * out_step, out_step, flipped, x);
        pack_vec(f, weights + (2 * k + 1) * in_step + o * out_step, out_step, flipped, y);
    } else {
        pack_vec(f, weights + k * in_step + o * out_step, out_step, flipped, x);
    }
    const int panel = o / GEMM_PANEL * GEMM_PANEL;
    const int width = w->out - panel < GEMM_PANEL ? w->out - panel : GEMM_PANEL;
    float *dst =
        packed + (size_t)panel * (size_t)l->depth + (size_t)k * (size_t)width + (o - panel);
    for (int p = 0; p < f->t * f->t; p++, dst += l->u_point) {
        if (bf16)
            vec_store_pairs(dst, &x[p], &y[p]);
        else
            vec_store(dst, &x[p], false);
    }
}

typedef void PackRow(const Winograd *w, const Layout *l, const float *weights, bool flipped, int k,
                     int o, float *packed);

#define PACK_ROW(FORM, BF16)                                                                       \
    SIMD_CLONES static void pack_row_##FORM##_##BF16(const Winograd *w, const Layout *l,           \
                                                     const float *weights, bool flipped, int k,    \
                                                     int o, float *packed)                         \
    {                                                                                              \
        pack_row(w, l, &FORM_##FORM, BF16, weights, flipped, k, o, packed);                        \
    }
WINOGRAD_FOR_EACH(PACK_ROW)

#define NAME(FORM, BF16) pack_row_##FORM##_##BF16,
static PackRow *const PACK_ROWS[] = {WINOGRAD_FOR_EACH(NAME)};
#undef NAME

void winograd_pack(const Winograd *w, const float *weights, bool flipped, void *packed)
{
    const Layout l = layout_of(w);
    PackRow *row = PACK_ROWS[winograd_index(w)];
#pragma omp parallel for collapse(2) schedule(static)
    for (int o = 0; o < w->out; o += VEC) {
        for (int k = 0; k < l.depth; k++)
            row(w, &l, weights, flipped, k, o, packed);
    }
}

/* ---- Tiles in, tiles out ---- */

/* Transform `count` tiles from `first`: v[point][tile][channel]. */
VEC_INLINE void tiles_in(const Winograd *w, const Layout *l, const Form *f, bool bf16,
                         const void *src, const void *zeros, int first, int count, float *v)
{
    const size_t size = bf16 ? 2 : 4;
    const char *pixels[MAX_POINTS];
    for (int tile = 0; tile < count; tile++) {
        winograd_pixels(w, l->tiles, first + tile, (f->r - 1) / 2, f->t, src, w->in, zeros, pixels);
        for (int c = 0; c < w->in; c += VEC) {
            Vec x[MAX_POINTS], points[MAX_POINTS];
#pragma GCC unroll 36
            for (int p = 0; p < f->t * f->t; p++)
                vec_load(&x[p], pixels[p] + (size_t)c * size, bf16);
            winograd_both_ways(points, x, f->bt, false, f->t, f->t);
            char *dst = (char *)(v + (size_t)tile * (size_t)l->depth) + (size_t)c * size;
#pragma GCC unroll 36
            for (int p = 0; p < f->t * f->t; p++)
                vec_store(dst + (size_t)p * l->v_point * sizeof(float), &points[p], bf16);
        }
    }
}

typedef struct {
    int first_tile, tile_count;
    int first_channel, channel_count;
    const float *bias;
    bool relu;
} Piece;

/* Transform products back: m[point][tile][channel] -> dst. */
VEC_INLINE void tiles_out(const Winograd *w, const Layout *l, const Form *f, bool bf16,
                          const Piece *piece, const float *m, void *dst)
{
    const size_t size = bf16 ? 2 : 4;
    const char *pixels[MAX_POINTS];
    for (int tile = 0; tile < piece->tile_count; tile++) {
        winograd_pixels(w, l->tiles, piece->first_tile + tile, 0, f->m, dst, w->out, NULL, pixels);
        for (int c = 0; c < piece->channel_count; c += VEC) {
            Vec x[MAX_POINTS], y[MAX_POINTS], bias = {0};
            const float *src = m + (size_t)tile * (size_t)piece->channel_count + c;
#pragma GCC unroll 36
            for (int p = 0; p < f->t * f->t; p++)
                vec_load(&x[p], src + (size_t)p * l->m_point, false);
            winograd_both_ways(y, x, f->at, false, f->m, f->t);
            if (piece->bias)
                memcpy(&bias, piece->bias + piece->first_channel + c, sizeof bias);
#pragma GCC unroll 16
            for (int p = 0; p < f->m * f->m; p++) {
                if (!pixels[p])
                    continue;
                Vec z = y[p] + bias;
                if (piece->relu)
                    vec_relu(&z);
                vec_store((char *)pixels[p] + (size_t)(piece->first_channel + c) * size, &z, bf16);
            }
        }
    }
}

typedef struct {
    void (*in)(const Winograd *w, const Layout *l, const void *src, const void *zeros, int first,
               int count, float *v);
    void (*out)(const Winograd *w, const Layout *l, const Piece *piece, const float *m, void *dst);
} Transforms;

#define TRANSFORMS(FORM, BF16)                                                                     \
    SIMD_CLONES static void tiles_in_##FORM##_##BF16(const Winograd *w, const Layout *l,           \
                                                     const void *src, const void *zeros,           \
                                                     int first, int count, float *v)               \
    {                                                                                              \
        tiles_in(w, l, &FORM_##FORM, BF16, src, zeros, first, count, v);                           \
    }                                                                                              \
    SIMD_CLONES static void tiles_out_##FORM##_##BF16(                                             \
        const Winograd *w, const Layout *l, const Piece *piece, const float *m, void *dst)         \
    {                                                                                              \
        tiles_out(w, l, &FORM_##FORM, BF16, piece, m, dst);                                        \
    }
WINOGRAD_FOR_EACH(TRANSFORMS)

#define NAME(FORM, BF16) {tiles_in_##FORM##_##BF16, tiles_out_##FORM##_##BF16},
static const Transforms TRANSFORMS_OF[] = {WINOGRAD_FOR_EACH(NAME)};
#undef NAME

/* ---- The whole ---- */

static void multiply_points(const Winograd *w, const Layout *l, const Piece *piece, const float *v,
                            const float *packed, float *m)
{
    for (int p = 0; p < l->points; p++) {
        const Gemm g = {.rows = piece->tile_count,
                        .cols = piece->channel_count,
                        .depth = l->depth,
                        .a = v + (size_t)p * l->v_point,
                        .a_row = l->depth,
                        .a_depth = 1,
                        .b = packed + (size_t)p * l->u_point
                             + (size_t)piece->first_channel * (size_t)l->depth,
                        .c = m + (size_t)p * l->m_point,
                        .c_row = piece->channel_count};
        w->multiply(&g);
    }
}

static Piece piece_of(const Winograd *w, const Layout *l, int block, int group)
{
    const int left = l->tiles.count - block * l->block, channels = w->out - group * GROUP;
    return (Piece){.first_tile = block * l->block,
                   .tile_count = left < l->block ? left : l->block,
                   .first_channel = group * GROUP,
                   .channel_count = channels < GROUP ? channels : GROUP};
}

void winograd_run(const Winograd *w, const void *src, const void *packed, const float *bias,
                  bool relu, void *dst, void *scratch)
{
    const Layout l = layout_of(w);
    const Transforms *transforms = &TRANSFORMS_OF[winograd_index(w)];
    const int groups = (w->out + GROUP - 1) / GROUP;
    const int blocks = (l.tiles.count + l.block - 1) / l.block;
    memset(scratch, 0, zeros_bytes(w));
#pragma omp parallel
    {
        const int64_t items = (int64_t)blocks * groups, id = omp_get_thread_num();
        const int64_t end = items * (id + 1) / omp_get_num_threads();
        float *v = (float *)((char *)scratch + zeros_bytes(w)) + (size_t)id * thread_floats(&l);
        float *m = v + (size_t)l.points * l.v_point;
        int transformed = -1;
        for (int64_t item = items * id / omp_get_num_threads(); item < end; item++) {
            const int block = (int)(item / groups);
            Piece piece = piece_of(w, &l, block, (int)(item % groups));
            piece.bias = bias;
            piece.relu = relu;
            if (block != transformed)
                transforms->in(w, &l, src, scratch, piece.first_tile, piece.tile_count, v);
            transformed = block;
            multiply_points(w, &l, &piece, v, packed, m);
            transforms->out(w, &l, &piece, m, dst);
        }
    }
}
