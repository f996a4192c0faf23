/* core/kernels/conv/winograd_grad.c -- backward weights; see winograd.h. */
#include <omp.h>
#include <string.h>

#include "core/base/numbers/simd.h"
#include "core/kernels/conv/panels.h"
#include "core/kernels/conv/winograd_transforms.h"
#include "core/kernels/shares.h"
#include "core/kernels/vec_transpose.h"

/* DESIGN. The products sum over tiles, so all threads transform a chunk of tiles into memory that
 * they share, wait, and take blocks of 32 x 32 weights each, or smaller ones in large teams:
 * products for all points, their transform back, and the addition to the sums. No two threads write
 * the same number, so the order of additions does not depend on timing. Transformed numbers are
 * packed like b of a Gemm: panels of channels, rows of tiles, pairs of tiles in bfloat16; read by
 * column they serve as a, too. Matrix tiles take a by rows only: for them each thread packs a few
 * rows of src's panels into memory of its own, and transposes those into what all share.
 */

enum {
    CHUNK_BYTES = 3 << 20,          // both transformed maps
    THREAD_CHUNK_BYTES = 3 << 19,   // ... for matrix tiles, of each thread: see layout_of
    MIN_CHUNK = 32,                 // tiles
    BLOCK_ROWS = VEC,               // of panels, transposed at a time
    MATRIX_DEPTH = 2 * BLOCK_ROWS,  // a matrix tile's, in tiles
    SKEW = 16,  // floats between the points, or they would fall into the same cache sets
    PRODUCT = GEMM_PANEL * GEMM_PANEL + SKEW,
};

typedef struct {
    Tiles tiles;
    int points;
    int chunk;        // tiles, even; a multiple of MATRIX_DEPTH for matrix tiles
    int depth;        // of a whole chunk, in 32-bit units
    int in_row;       // for matrix tiles: from one channel of src to the next, in 32-bit units
    size_t in_point;  // from one point to the next
    size_t out_point;
    int rows;  // in-channels of a block
} GradLayout;

static GradLayout layout_of(const Winograd *w)
{
    const Variant *f = winograd_variant(w->variant);
    GradLayout l = {.tiles = winograd_tiles(w), .points = f->t * f->t};
    const size_t tile_bytes =
        (size_t)l.points * (size_t)(w->conv.in + w->conv.out) * (w->conv.src_bf16 ? 2 : 4);
    /* The CPUs that have matrix tiles have 2 MB of second-level cache for each core. */
    const size_t bytes =
        w->by_rows ? THREAD_CHUNK_BYTES * (size_t)w->conv.threads : (size_t)CHUNK_BYTES;
    const int fit = (int)(bytes / tile_bytes);
    const int target = fit > MIN_CHUNK ? fit : MIN_CHUNK;
    const int chunks = (l.tiles.count + target - 1) / target;
    const int step = w->by_rows ? MATRIX_DEPTH : 2;
    l.chunk = ((l.tiles.count + chunks - 1) / chunks + step - 1) / step * step;
    l.depth = w->conv.src_bf16 ? l.chunk / 2 : l.chunk;
    l.in_row = l.depth | VEC;  // or rows would fall into the same cache sets
    l.in_point = (size_t)(w->by_rows ? l.in_row : l.depth) * (size_t)w->conv.in + SKEW;
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

/* From one point to the next of a thread's own rows. */
static size_t block_point(const Winograd *w)
{
    return BLOCK_ROWS * (size_t)w->conv.in + SKEW;
}

/* What each thread has to itself: products, and rows of panels, never at the same time. */
static size_t own_floats(const Winograd *w, const GradLayout *l)
{
    const size_t products = (size_t)l->points * PRODUCT;
    const size_t rows = w->by_rows ? (size_t)l->points * block_point(w) : 0;
    return products > rows ? products : rows;
}

size_t winograd_grad_scratch_bytes(const Winograd *w)
{
    const GradLayout l = layout_of(w);
    return zeros_bytes(w)
           + sizeof(float)
                 * ((size_t)l.points * (l.in_point + l.out_point)
                    + (size_t)w->conv.threads * own_floats(w, &l));
}

static int rows_at(const Winograd *w, const GradLayout *l, int c)
{
    return w->conv.in - c < l->rows ? w->conv.in - c : l->rows;
}

/* The products of a block over a chunk, for all points; a, b and c are left out. */
static Gemm products_of(const Winograd *w, const GradLayout *l, int c, int o)
{
    const int panel = c / GEMM_PANEL * GEMM_PANEL, columns = panel_width(w->conv.out, o);
    return (Gemm){.rows = rows_at(w, l, c),
                  .cols = columns,
                  .depth = l->depth,
                  .a_row = w->by_rows ? l->in_row : 1,
                  .a_depth = w->by_rows ? 1 : panel_width(w->conv.in, panel),
                  .c_row = columns,
                  .count = l->points,
                  .a_step = (ptrdiff_t)l->in_point,
                  .b_step = (ptrdiff_t)l->out_point,
                  .c_step = PRODUCT};
}

SIMD_CLONES static void transpose_square(const float *src, ptrdiff_t src_row, float *dst,
                                         ptrdiff_t dst_row)
{
    VecBits square[VEC];
    for (int i = 0; i < VEC; i++)
        memcpy(&square[i], src + i * src_row, sizeof square[i]);
    vec_transpose(square);
    for (int i = 0; i < VEC; i++)
        memcpy(dst + i * dst_row, &square[i], sizeof square[i]);
}

/* BLOCK_ROWS rows of panels of all points, transposed. */
static void transpose_rows(const Winograd *w, const GradLayout *l, const float *panels,
                           float *columns)
{
    for (int p = 0; p < l->points; p++, panels += block_point(w), columns += l->in_point) {
        for (int c = 0; c < w->conv.in; c += VEC) {
            const int width = panel_width(w->conv.in, c / GEMM_PANEL * GEMM_PANEL);
            transpose_square(panels + panel_at(c, BLOCK_ROWS), width,
                             columns + (ptrdiff_t)c * l->in_row, l->in_row);
        }
    }
}

/* Where and how a chunk is packed. */
typedef struct {
    const Winograd *w;
    const GradLayout *l;
    const WinogradTransforms *transforms;
    WinogradSide src, diff;
} Packing;

/* Rows [k, k + count) of panels, of the chunk that begins with tile `first`: for matrix tiles
 * BLOCK_ROWS. `mine` is working memory. */
static void pack_block(const Packing *p, int first, int k, int count, float *mine)
{
    const int per_row = p->w->conv.src_bf16 ? 2 : 1;
    WinogradSide own = p->src;
    own.dst = mine;
    own.point = block_point(p->w);
    own.depth = BLOCK_ROWS;
    for (int i = 0; i < count; i++) {
        const int tile = first + (k + i) * per_row;
        if (p->w->by_rows)
            p->transforms->pack_src(p->w, &own, tile, i);
        else
            p->transforms->pack_src(p->w, &p->src, tile, k + i);
        p->transforms->pack_diff(p->w, &p->diff, tile, k + i);
    }
    if (p->w->by_rows)
        transpose_rows(p->w, p->l, mine, p->src.dst + k);
}

void winograd_grad(const Winograd *w, const void *src, const void *diff_dst, float *sums,
                   void *scratch)
{
    const GradLayout l = layout_of(w);
    const Variant *f = winograd_variant(w->variant);
    const WinogradTransforms *transforms = winograd_transforms(w);
    memset(scratch, 0, zeros_bytes(w));
    float *in = (float *)((char *)scratch + zeros_bytes(w));
    float *out = in + (size_t)l.points * l.in_point;
    float *own = out + (size_t)l.points * l.out_point;
    const size_t taps = (size_t)(f->r * f->r);
    const Packing packing = {.w = w,
                             .l = &l,
                             .transforms = transforms,
                             .src = {src, w->conv.in, conv_problem_src_stride(&w->conv), scratch,
                                     in, l.in_point, l.depth, l.tiles},
                             .diff = {diff_dst, w->conv.out, conv_problem_dst_stride(&w->conv),
                                      scratch, out, l.out_point, l.depth, l.tiles}};
    const int step = w->by_rows ? BLOCK_ROWS : 1;
#pragma omp parallel num_threads(w->conv.threads)
    {
        float *mine = own + (size_t)omp_get_thread_num() * own_floats(w, &l);
        for (int first = 0; first < l.tiles.count; first += l.chunk) {
#pragma omp for schedule(static)
            for (int k = 0; k < l.depth; k += step)
                pack_block(&packing, first, k, step, mine);
#pragma omp for collapse(2) schedule(static)
            for (int c = 0; c < w->conv.in; c += l.rows) {
                for (int o = 0; o < w->conv.out; o += GEMM_PANEL) {
                    Gemm products = products_of(w, &l, c, o);
                    products.a = in + (w->by_rows ? (ptrdiff_t)c * l.in_row : panel_at(c, l.depth));
                    products.b = out + (size_t)o * (size_t)l.depth;
                    products.c = mine;
                    w->multiply(&products);
                    transforms->add_taps(mine, PRODUCT, products.rows, products.cols,
                                         sums + (size_t)c * taps * (size_t)w->conv.out + o,
                                         (size_t)w->conv.out);
                }
            }
        }
    }
}

/* VEC rows of VEC sums, set or added to dst as columns. */
SIMD_CLONES static void flush_square(const float *src, size_t src_row, bool accumulate, float *dst,
                                     size_t dst_row)
{
    VecBits square[VEC];
    for (size_t i = 0; i < VEC; i++)
        memcpy(&square[i], src + i * src_row, sizeof square[i]);
    vec_transpose(square);
    for (size_t i = 0; i < VEC; i++) {
        Vec sum, old = {0};
        memcpy(&sum, &square[i], sizeof sum);
        if (accumulate)
            memcpy(&old, dst + i * dst_row, sizeof old);
        sum += old;
        memcpy(dst + i * dst_row, &sum, sizeof sum);
    }
}

/* in x taps x out -> out x in x taps. */
void winograd_grad_flush(const Winograd *w, const float *sums, bool accumulate, float *weights)
{
    const int r = winograd_kernel(w->variant);
    const size_t out = (size_t)w->conv.out, rows = (size_t)(w->conv.in * r * r);
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t row = 0; row < rows; row += VEC) {
        for (size_t o = 0; o < out; o += VEC)
            flush_square(sums + row * out + o, out, accumulate, weights + o * rows + row, rows);
    }
}
