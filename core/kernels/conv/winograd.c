#include "core/kernels/conv/winograd.h"

#include <omp.h>
#include <string.h>

#include "core/kernels/conv/winograd_transforms.h"
#include "core/kernels/shares.h"

/* DESIGN. The work is cut into blocks of tiles and groups of output channels, such that what a
 * thread holds of both stays in its second-level cache: it transforms a block of tiles, multiplies
 * point by point, and transforms the products back, without waiting for others. The blocks of one
 * thread follow one another, so that tiles are rarely transformed twice. Blocks are as large as
 * the cache and the team allow: a small image on many threads is cut into more of them.
 *
 * Left out on purpose: other strides and paddings; oneDNN's convolution computes them.
 */

enum {
    GROUP = 2 * GEMM_PANEL,  // output channels at a time
    ROWS = 16,               // tiles at a time are a multiple of that, a matrix tile's rows,
    MAX_BLOCK = 4 * ROWS,    // ... up to this many
    CACHE_BYTES = 800 << 10,
    FIXED_COST = 12,  // of a block, in tiles: reading the weights
    SKEW = 64 + 16,   // floats between the points' blocks, which else fall into the same cache sets
};

static size_t thread_floats(const WinogradLayout *l)
{
    return (size_t)l->points * (l->v_point + l->m_point);
}

static int group_count(const Winograd *w)
{
    return (w->conv.out + GROUP - 1) / GROUP;
}

static int block_count(const WinogradLayout *l)
{
    return (l->tiles.count + l->block - 1) / l->block;
}

static void set_block(const Winograd *w, WinogradLayout *l, int block)
{
    const int columns = w->conv.out < GROUP ? w->conv.out : GROUP;
    l->block = block;
    l->v_point = (size_t)block * (size_t)l->depth + SKEW;
    l->m_point = (size_t)block * (size_t)columns + SKEW;
}

/* What the busiest thread has to do, in tiles. */
static int cost_of(const Winograd *w, const WinogradLayout *l)
{
    const int tiles = l->block < l->tiles.count ? l->block : l->tiles.count;
    return shares_most(block_count(l) * group_count(w), w->conv.threads) * (tiles + FIXED_COST);
}

/* Of the blocks that fit the cache, the one with which all are done first. */
static WinogradLayout layout_of(const Winograd *w)
{
    const Variant *f = winograd_variant(w->variant);
    WinogradLayout best = {.tiles = winograd_tiles(w),
                           .points = f->t * f->t,
                           .depth = w->conv.src_bf16 ? w->conv.in / 2 : w->conv.in};
    best.u_point = (size_t)best.depth * (size_t)w->conv.out;
    set_block(w, &best, ROWS);
    for (int block = 2 * ROWS; block <= MAX_BLOCK; block += ROWS) {
        WinogradLayout l = best;
        set_block(w, &l, block);
        if (thread_floats(&l) * sizeof(float) <= CACHE_BYTES && cost_of(w, &l) <= cost_of(w, &best))
            best = l;
    }
    return best;
}

int winograd_kernel(WinogradVariant v)
{
    return winograd_variant(v)->r;
}

size_t winograd_weights_bytes(const Winograd *w)
{
    const WinogradLayout l = layout_of(w);
    return (size_t)l.points * l.u_point * sizeof(float);
}

static size_t zeros_bytes(const Winograd *w)
{
    return ((size_t)w->conv.in * sizeof(float) + 63) / 64 * 64;
}

size_t winograd_scratch_bytes(const Winograd *w)
{
    const WinogradLayout l = layout_of(w);
    return zeros_bytes(w) + (size_t)w->conv.threads * thread_floats(&l) * sizeof(float);
}

/* ---- Weights ---- */

void winograd_pack(const Winograd *w, const float *weights, bool flipped, void *packed)
{
    const WinogradLayout l = layout_of(w);
    const WinogradTransforms *transforms = winograd_transforms(w);
#pragma omp parallel
    {
#pragma omp for collapse(2) schedule(static) nowait
        for (int o = 0; o < w->conv.out; o += VEC) {
            for (int k = 0; k < l.depth; k++)
                transforms->pack_row(w, &l, weights, flipped, k, o, packed);
        }
        vec_stream_end();
    }
}

/* ---- The whole ---- */

/* The products of all points; a, b and c are left out. */
static Gemm products_of(const WinogradLayout *l, const WinogradPiece *piece)
{
    return (Gemm){.rows = piece->tile_count,
                  .cols = piece->channel_count,
                  .depth = l->depth,
                  .a_row = l->depth,
                  .a_depth = 1,
                  .c_row = piece->channel_count,
                  .count = l->points,
                  .a_step = (ptrdiff_t)l->v_point,
                  .b_step = (ptrdiff_t)l->u_point,
                  .c_step = (ptrdiff_t)l->m_point};
}

static WinogradPiece piece_of(const Winograd *w, const WinogradLayout *l, int block, int group)
{
    const int left = l->tiles.count - block * l->block, channels = w->conv.out - group * GROUP;
    return (WinogradPiece){.first_tile = block * l->block,
                           .tile_count = left < l->block ? left : l->block,
                           .first_channel = group * GROUP,
                           .channel_count = channels < GROUP ? channels : GROUP};
}

void winograd_run(const Winograd *w, const void *src, const void *packed, const float *bias,
                  const WinogradMask *mask, void *dst, void *scratch)
{
    const WinogradLayout l = layout_of(w);
    const WinogradTransforms *transforms = winograd_transforms(w);
    const int groups = group_count(w), blocks = block_count(&l);
    memset(scratch, 0, zeros_bytes(w));
#pragma omp parallel num_threads(w->conv.threads)
    {
        const int64_t items = (int64_t)blocks * groups, id = omp_get_thread_num();
        const int64_t end = items * (id + 1) / omp_get_num_threads();
        float *v = (float *)((char *)scratch + zeros_bytes(w)) + (size_t)id * thread_floats(&l);
        float *m = v + (size_t)l.points * l.v_point;
        int transformed = -1;
        for (int64_t item = items * id / omp_get_num_threads(); item < end; item++) {
            const int block = (int)(item / groups);
            WinogradPiece piece = piece_of(w, &l, block, (int)(item % groups));
            piece.bias = bias;
            piece.relu = w->conv.relu;
            piece.mask = mask;
            if (block != transformed)
                transforms->tiles_in(w, &l, src, scratch, piece.first_tile, piece.tile_count, v);
            transformed = block;
            Gemm products = products_of(&l, &piece);
            products.a = v;
            products.b = (const float *)packed + (size_t)piece.first_channel * (size_t)l.depth;
            products.c = m;
            w->multiply(&products);
            transforms->tiles_out(w, &l, &piece, m, dst);
        }
    }
}
