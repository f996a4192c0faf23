/* core/kernels/winograd_grad.c -- backward weights; see winograd.h. */
#include <omp.h>
#include <string.h>

#include "core/kernels/winograd_transforms.h"

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
    PRODUCT = BLOCK * BLOCK,
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
    return (size_t)l->points * PRODUCT;
}

size_t winograd_grad_scratch_bytes(const Winograd *w, int threads)
{
    const Layout l = layout_of(w);
    return zeros_bytes(w)
           + sizeof(float)
                 * ((size_t)l.points * (l.in_point + l.out_point)
                    + (size_t)threads * product_floats(&l));
}

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
            .c = products + (size_t)p * PRODUCT,
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
    const WinogradTransforms *transforms = winograd_transforms(w);
    memset(scratch, 0, zeros_bytes(w));
    float *in = (float *)((char *)scratch + zeros_bytes(w));
    float *out = in + (size_t)l.points * l.in_point;
    float *products = out + (size_t)l.points * l.out_point;
    const size_t taps = (size_t)(f->r * f->r);
    const int per_row = w->bf16 ? 2 : 1;
    const WinogradSide src_side = {src, w->in, scratch, in, l.in_point, l.depth, l.tiles};
    const WinogradSide diff_side = {diff_dst, w->out, scratch, out, l.out_point, l.depth, l.tiles};
#pragma omp parallel
    {
        float *mine = products + (size_t)omp_get_thread_num() * product_floats(&l);
        for (int first = 0; first < l.tiles.count; first += l.chunk) {
#pragma omp for schedule(static)
            for (int k = 0; k < l.depth; k++) {
                transforms->pack_src(w, &src_side, first + k * per_row, k);
                transforms->pack_diff(w, &diff_side, first + k * per_row, k);
            }
#pragma omp for collapse(2) schedule(static)
            for (int c = 0; c < w->in; c += BLOCK) {
                for (int o = 0; o < w->out; o += BLOCK) {
                    multiply_points(w, &l, in, out, c, o, mine);
                    transforms->add_taps(mine, PRODUCT, width_at(w->in, c), width_at(w->out, o),
                                         sums + (size_t)c * taps * (size_t)w->out + o,
                                         (size_t)w->out);
                }
            }
        }
    }
}
