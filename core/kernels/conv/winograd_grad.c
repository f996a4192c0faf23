/* core/kernels/conv/winograd_grad.c -- backward weights; see winograd.h. */
#include <omp.h>
#include <string.h>

#include "core/kernels/conv/panels.h"
#include "core/kernels/conv/winograd_transforms.h"
#include "core/kernels/shares.h"

/* DESIGN. The products sum over tiles, so all threads transform a chunk of tiles into memory that
 * they share, wait, and take blocks of 32 x 32 weights each, or smaller ones in large teams:
 * products for all points, their transform back, and the addition to the sums. No two threads write
 * the same number, so the order of additions does not depend on timing. Transformed numbers are
 * packed like b of a Gemm: panels of channels, rows of tiles, pairs of tiles in bfloat16; read by
 * column they serve as a, too. Matrix tiles take a by rows only: for them those of src are
 * transposed first.
 */

enum {
    CHUNK_BYTES = 3 << 20,  // both transformed maps
    MIN_CHUNK = 32,         // tiles
    MATRIX_DEPTH = 32,      // a matrix tile's, in tiles
    SKEW = 16,  // floats between the points, or they would fall into the same cache sets
    PRODUCT = GEMM_PANEL * GEMM_PANEL + SKEW,
};

typedef struct {
    Tiles tiles;
    int points;
    int chunk;        // tiles, even; a multiple of MATRIX_DEPTH for matrix tiles
    int depth;        // of a whole chunk, in 32-bit units
    size_t in_point;  // from one point to the next
    size_t out_point;
    int rows;  // in-channels of a block
} Layout;

static Layout layout_of(const Winograd *w)
{
    const Variant *f = winograd_variant(w->variant);
    Layout l = {.tiles = winograd_tiles(w), .points = f->t * f->t};
    const size_t tile_bytes =
        (size_t)l.points * (size_t)(w->conv.in + w->conv.out) * (w->conv.src_bf16 ? 2 : 4);
    const int fit = (int)(CHUNK_BYTES / tile_bytes);
    const int target = fit > MIN_CHUNK ? fit : MIN_CHUNK;
    const int chunks = (l.tiles.count + target - 1) / target;
    const int step = w->brgemms ? MATRIX_DEPTH : 2;
    l.chunk = ((l.tiles.count + chunks - 1) / chunks + step - 1) / step * step;
    l.depth = w->conv.src_bf16 ? l.chunk / 2 : l.chunk;
    l.in_point = (size_t)l.depth * (size_t)w->conv.in + SKEW;
    l.out_point = (size_t)l.depth * (size_t)w->conv.out + SKEW;
    const int columns = (w->conv.out + GEMM_PANEL - 1) / GEMM_PANEL;
    l.rows = shares_block_rows(w->conv.in, columns, GEMM_PANEL, w->conv.threads);
    return l;
}

static size_t zeros_bytes(const Winograd *w)
{
    const int channels = w->conv.in > w->conv.out ? w->conv.in : w->conv.out;
    return ((size_t)channels * sizeof(float) + 63) / 64 * 64;
}

static size_t product_floats(const Layout *l)
{
    return (size_t)l->points * PRODUCT;
}

size_t winograd_grad_scratch_bytes(const Winograd *w)
{
    const Layout l = layout_of(w);
    return zeros_bytes(w)
           + sizeof(float)
                 * ((size_t)l.points * ((w->brgemms ? 2 : 1) * l.in_point + l.out_point)
                    + (size_t)w->conv.threads * product_floats(&l));
}

static int rows_at(const Winograd *w, const Layout *l, int c)
{
    return w->conv.in - c < l->rows ? w->conv.in - c : l->rows;
}

/* The products of a block over a chunk, for all points; a, b and c are left out. */
static Gemm products_of(const Winograd *w, const Layout *l, int c, int o)
{
    const int panel = c / GEMM_PANEL * GEMM_PANEL, columns = panel_width(w->conv.out, o);
    return (Gemm){.rows = rows_at(w, l, c),
                  .cols = columns,
                  .depth = l->depth,
                  .a_row = w->brgemms ? l->depth : 1,
                  .a_depth = w->brgemms ? 1 : panel_width(w->conv.in, panel),
                  .c_row = columns,
                  .count = l->points,
                  .a_step = (ptrdiff_t)l->in_point,
                  .b_step = (ptrdiff_t)l->out_point,
                  .c_step = PRODUCT};
}

/* The first and the last block of either side have all the sizes that there are. */
bool winograd_grad_add_brgemms(const Winograd *w, Error *err)
{
    const Layout l = layout_of(w);
    const int cs[] = {0, (w->conv.in - 1) / l.rows * l.rows};
    const int os[] = {0, (w->conv.out - 1) / GEMM_PANEL * GEMM_PANEL};
    for (int i = 0; i < 4; i++) {
        const Gemm shape = products_of(w, &l, cs[i / 2], os[i % 2]);
        if (!brgemms_add(w->brgemms, &shape, err))
            return false;
    }
    return true;
}

/* All panels of all points, by the team's threads. */
static void transpose_all(const Winograd *w, const Layout *l, const float *panels, float *rows)
{
#pragma omp for collapse(2) schedule(static)
    for (int p = 0; p < l->points; p++) {
        for (int c = 0; c < w->conv.in; c += GEMM_PANEL) {
            const size_t at = (size_t)p * l->in_point + (size_t)c * (size_t)l->depth;
            panel_transpose(panels + at, panel_width(w->conv.in, c), l->depth, rows + at);
        }
    }
}

void winograd_grad(const Winograd *w, const void *src, const void *diff_dst, float *sums,
                   void *scratch)
{
    const Layout l = layout_of(w);
    const Variant *f = winograd_variant(w->variant);
    const WinogradTransforms *transforms = winograd_transforms(w);
    memset(scratch, 0, zeros_bytes(w));
    float *in = (float *)((char *)scratch + zeros_bytes(w));
    float *out = in + (size_t)l.points * l.in_point;
    float *transposed = out + (size_t)l.points * l.out_point;
    float *own = transposed + (w->brgemms ? (size_t)l.points * l.in_point : 0);
    const size_t taps = (size_t)(f->r * f->r);
    const int per_row = w->conv.src_bf16 ? 2 : 1;
    const WinogradSide src_side = {src,     w->conv.in, conv_problem_src_stride(&w->conv),
                                   scratch, in,         l.in_point,
                                   l.depth, l.tiles};
    const WinogradSide diff_side = {diff_dst, w->conv.out, conv_problem_dst_stride(&w->conv),
                                    scratch,  out,         l.out_point,
                                    l.depth,  l.tiles};
#pragma omp parallel num_threads(w->conv.threads)
    {
        float *mine = own + (size_t)omp_get_thread_num() * product_floats(&l);
        for (int first = 0; first < l.tiles.count; first += l.chunk) {
#pragma omp for schedule(static)
            for (int k = 0; k < l.depth; k++) {
                transforms->pack_src(w, &src_side, first + k * per_row, k);
                transforms->pack_diff(w, &diff_side, first + k * per_row, k);
            }
            if (w->brgemms)
                transpose_all(w, &l, in, transposed);
#pragma omp for collapse(2) schedule(static)
            for (int c = 0; c < w->conv.in; c += l.rows) {
                for (int o = 0; o < w->conv.out; o += GEMM_PANEL) {
                    Gemm products = products_of(w, &l, c, o);
                    products.a = w->brgemms ? transposed + (size_t)c * (size_t)l.depth
                                            : in + panel_at(c, l.depth);
                    products.b = out + (size_t)o * (size_t)l.depth;
                    products.c = mine;
                    brgemms_or(w->brgemms, w->multiply, &products);
                    transforms->add_taps(mine, PRODUCT, products.rows, products.cols,
                                         sums + (size_t)c * taps * (size_t)w->conv.out + o,
                                         (size_t)w->conv.out);
                }
            }
        }
    }
}
