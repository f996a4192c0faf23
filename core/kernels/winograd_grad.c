/* core/kernels/winograd_grad.c -- backward weights; see winograd.h. */
#include <omp.h>
#include <string.h>

#include "core/kernels/winograd_forms.h"

/* DESIGN. The products sum over tiles, so all threads transform a chunk of tiles into memory that
 * they share, wait, and take blocks of 32 x 32 weights each: products for all points, then the way
 * back, then onto the sums. No two threads write the same number, so the order of additions does
 * not depend on timing. Transformed numbers are packed like b of a Gemm: panels of channels, rows
 * of tiles, pairs of tiles in bfloat16; read by column they serve as a, too.
 */

enum {
    CHUNK_BYTES = 3 << 20,  // both transformed maps
    MIN_CHUNK = 32,         // tiles
    BLOCK = GEMM_PANEL,     // weights' side
};

typedef struct {
    Tiles tiles;
    int points;
    int chunk;        // tiles, even
    int depth;        // of a whole chunk, in 32-bit units
    size_t in_point;  // from one point to the next
    size_t out_point;
} Layout;

static Layout layout_of(const Winograd *w)
{
    const Form *f = winograd_form(w->form);
    Layout l = {.tiles = winograd_tiles(w), .points = f->t * f->t};
    const size_t tile_bytes = (size_t)l.points * (size_t)(w->in + w->out) * (w->bf16 ? 2 : 4);
    const int fit = (int)(CHUNK_BYTES / tile_bytes);
    const int target = fit > MIN_CHUNK ? fit : MIN_CHUNK;
    const int chunks = (l.tiles.count + target - 1) / target;
    l.chunk = ((l.tiles.count + chunks - 1) / chunks + 1) / 2 * 2;
    l.depth = w->bf16 ? l.chunk / 2 : l.chunk;
    l.in_point = (size_t)l.depth * (size_t)w->in + 16;
    l.out_point = (size_t)l.depth * (size_t)w->out + 16;
    return l;
}

static size_t zeros_bytes(const Winograd *w)
{
    const int channels = w->in > w->out ? w->in : w->out;
    return ((size_t)channels * sizeof(float) + 63) / 64 * 64;
}

static size_t product_floats(const Layout *l)
{
    return (size_t)l->points * BLOCK * BLOCK;
}

size_t winograd_grad_scratch_bytes(const Winograd *w, int threads)
{
    const Layout l = layout_of(w);
    return zeros_bytes(w)
           + sizeof(float)
                 * ((size_t)l.points * (l.in_point + l.out_point)
                    + (size_t)threads * product_floats(&l));
}

/* One feature map to transform. */
typedef struct {
    const void *map;
    int channels;
    const void *zeros;
    float *dst;
    size_t point;  // from one point to the next
    int end;       // tiles from here on count as zeros
} Side;

/* Tile `tile`, channels from `c`. `of_diff`: diff_dst by the transpose of at, else src by bt. */
VEC_INLINE void transform(const Form *f, bool bf16, bool of_diff, const char *const *pixels, int c,
                          Vec *points)
{
    const int side = of_diff ? f->m : f->t;
    Vec x[MAX_POINTS];
#pragma GCC unroll 36
    for (int p = 0; p < side * side; p++)
        vec_load(&x[p], pixels[p] + (size_t)c * (bf16 ? 2 : 4), bf16);
    if (of_diff)
        winograd_both_ways(points, x, f->at, true, f->t, f->m);
    else
        winograd_both_ways(points, x, f->bt, false, f->t, f->t);
}

/* Row k of the panels: tile `tile`, in bfloat16 also the one behind it. */
VEC_INLINE void pack_tiles(const Winograd *w, const Layout *l, const Form *f, bool bf16,
                           bool of_diff, const Side *s, int tile, int k)
{
    const int side = of_diff ? f->m : f->t, shift = of_diff ? 0 : (f->r - 1) / 2;
    const char *pixels[2][MAX_POINTS];
    for (int i = 0; i < (bf16 ? 2 : 1); i++) {
        if (tile + i < s->end)
            winograd_pixels(w, l->tiles, tile + i, shift, side, s->map, s->channels, s->zeros,
                            pixels[i]);
        else
            for (int p = 0; p < side * side; p++)
                pixels[i][p] = s->zeros;
    }
    for (int c = 0; c < s->channels; c += VEC) {
        const int panel = c / GEMM_PANEL * GEMM_PANEL, left = s->channels - panel;
        const int width = left < GEMM_PANEL ? left : GEMM_PANEL;
        float *dst =
            s->dst + (size_t)panel * (size_t)l->depth + (size_t)k * (size_t)width + (c - panel);
        Vec x[MAX_POINTS], y[MAX_POINTS];
        transform(f, bf16, of_diff, pixels[0], c, x);
        if (bf16)
            transform(f, bf16, of_diff, pixels[1], c, y);
#pragma GCC unroll 36
        for (int p = 0; p < f->t * f->t; p++) {
            if (bf16)
                vec_store_pairs(dst + (size_t)p * s->point, &x[p], &y[p]);
            else
                vec_store(dst + (size_t)p * s->point, &x[p], false);
        }
    }
}

/* products[point][BLOCK][columns] -> sums[in][tap][out], added. */
VEC_INLINE void add_taps(const Form *f, const float *products, int rows, int columns, float *sums,
                         size_t out)
{
    const size_t taps = (size_t)(f->r * f->r);
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j += VEC) {
            Vec x[MAX_POINTS], y[MAX_POINTS];
#pragma GCC unroll 36
            for (int p = 0; p < f->t * f->t; p++)
                vec_load(&x[p], products + ((size_t)p * BLOCK + (size_t)i) * (size_t)columns + j,
                         false);
            winograd_both_ways(y, x, f->g, true, f->r, f->t);
            float *dst = sums + (size_t)i * taps * out + j;
#pragma GCC unroll 25
            for (int p = 0; p < f->r * f->r; p++) {
                Vec old;
                vec_load(&old, dst + (size_t)p * out, false);
                old += y[p];
                vec_store(dst + (size_t)p * out, &old, false);
            }
        }
    }
}

typedef struct {
    void (*pack_src)(const Winograd *w, const Layout *l, const Side *s, int tile, int k);
    void (*pack_diff)(const Winograd *w, const Layout *l, const Side *s, int tile, int k);
    void (*add_taps)(const float *products, int rows, int columns, float *sums, size_t out);
} Transforms;

#define TRANSFORMS(FORM, BF16)                                                                     \
    SIMD_CLONES static void pack_src_##FORM##_##BF16(const Winograd *w, const Layout *l,           \
                                                     const Side *s, int tile, int k)               \
    {                                                                                              \
        pack_tiles(w, l, &FORM_##FORM, BF16, false, s, tile, k);                                   \
    }                                                                                              \
    SIMD_CLONES static void pack_diff_##FORM##_##BF16(const Winograd *w, const Layout *l,          \
                                                      const Side *s, int tile, int k)              \
    {                                                                                              \
        pack_tiles(w, l, &FORM_##FORM, BF16, true, s, tile, k);                                    \
    }                                                                                              \
    SIMD_CLONES static void add_taps_##FORM##_##BF16(const float *products, int rows, int columns, \
                                                     float *sums, size_t out)                      \
    {                                                                                              \
        add_taps(&FORM_##FORM, products, rows, columns, sums, out);                                \
    }
WINOGRAD_FOR_EACH(TRANSFORMS)

#define NAME(FORM, BF16)                                                                           \
    {pack_src_##FORM##_##BF16, pack_diff_##FORM##_##BF16, add_taps_##FORM##_##BF16},
static const Transforms TRANSFORMS_OF[] = {WINOGRAD_FOR_EACH(NAME)};
#undef NAME

static int width_at(int channels, int first)
{
    return channels - first < BLOCK ? channels - first : BLOCK;
}

/* The products of BLOCK x BLOCK weights over a chunk, for all points. */
static void multiply_points(const Winograd *w, const Layout *l, const float *src, const float *diff,
                            int c, int o, float *products)
{
    const int rows = width_at(w->in, c), columns = width_at(w->out, o);
    for (int p = 0; p < l->points; p++) {
        const Gemm g = {
            .rows = rows,
            .cols = columns,
            .depth = l->depth,
            .a = src + (size_t)p * l->in_point + (size_t)c * (size_t)l->depth,
            .a_row = 1,
            .a_depth = rows,
            .b = diff + (size_t)p * l->out_point + (size_t)o * (size_t)l->depth,
            .c = products + (size_t)p * BLOCK * (size_t)columns,
            .c_row = columns,
        };
        w->multiply(&g);
    }
}

void winograd_grad(const Winograd *w, const void *src, const void *diff_dst, float *sums,
                   void *scratch)
{
    const Layout l = layout_of(w);
    const Form *f = winograd_form(w->form);
    const Transforms *transforms = &TRANSFORMS_OF[winograd_index(w)];
    memset(scratch, 0, zeros_bytes(w));
    float *in = (float *)((char *)scratch + zeros_bytes(w));
    float *out = in + (size_t)l.points * l.in_point;
    float *products = out + (size_t)l.points * l.out_point;
    const size_t taps = (size_t)(f->r * f->r);
    const int per_row = w->bf16 ? 2 : 1;
    const Side src_side = {src, w->in, scratch, in, l.in_point, l.tiles.count};
    const Side diff_side = {diff_dst, w->out, scratch, out, l.out_point, l.tiles.count};
#pragma omp parallel
    {
        float *mine = products + (size_t)omp_get_thread_num() * product_floats(&l);
        for (int first = 0; first < l.tiles.count; first += l.chunk) {
#pragma omp for schedule(static)
            for (int k = 0; k < l.depth; k++) {
                transforms->pack_src(w, &l, &src_side, first + k * per_row, k);
                transforms->pack_diff(w, &l, &diff_side, first + k * per_row, k);
            }
#pragma omp for collapse(2) schedule(static)
            for (int c = 0; c < w->in; c += BLOCK) {
                for (int o = 0; o < w->out; o += BLOCK) {
                    multiply_points(w, &l, in, out, c, o, mine);
                    transforms->add_taps(mine, width_at(w->in, c), width_at(w->out, o),
                                         sums + (size_t)c * taps * (size_t)w->out + o,
                                         (size_t)w->out);
                }
            }
        }
    }
}
