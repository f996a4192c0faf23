/* core/kernels/conv/winograd_transforms.h -- what a Winograd kernel does to tiles: a table of
 * functions for each variant and number type, made from one template for several CPUs.
 */
#pragma once
#include "core/kernels/conv/winograd_variants.h"

/* Where forward and backward data keep transformed numbers. */
typedef struct {
    Tiles tiles;
    int points;
    int depth;       // in-channels in 32-bit units
    int block;       // tiles in a block
    size_t v_point;  // from one point's block of tiles to the next, in 32-bit units
    size_t m_point;  // ... of products
    size_t u_point;  // ... of weights
} WinogradLayout;

/* A block of tiles and a group of output channels. */
typedef struct {
    int first_tile, tile_count;
    int first_channel, channel_count;
    const float *bias;
    bool relu;
    const WinogradMask *mask;  // NULL: none
} WinogradPiece;

/* One of the two feature maps that backward weights transforms. */
typedef struct {
    const void *map;
    int channels;
    size_t stride;  // numbers from one pixel to the next
    const void *zeros;
    float *dst;
    size_t point;  // from one point to the next
    int depth;     // rows of a panel
    Tiles tiles;   // from tiles.count on they count as zeros
} WinogradSide;

typedef struct {
    /* One row of a panel of weights, for all points: depth index k, output channels from `o`. */
    void (*pack_row)(const Winograd *w, const WinogradLayout *l, const float *weights, bool flipped,
                     int k, int o, float *packed);
    /* Transform `count` tiles of src from `first`: v[point][tile][channel]. */
    void (*tiles_in)(const Winograd *w, const WinogradLayout *l, const void *src, const void *zeros,
                     int first, int count, float *v);
    /* Transform products back: m[point][tile][channel] -> dst. */
    void (*tiles_out)(const Winograd *w, const WinogradLayout *l, const WinogradPiece *piece,
                      const float *m, void *dst);
    /* Row k of the panels of src or diff_dst: tile `tile`, in bfloat16 also the next one. */
    void (*pack_src)(const Winograd *w, const WinogradSide *s, int tile, int k);
    void (*pack_diff)(const Winograd *w, const WinogradSide *s, int tile, int k);
    /* products[point][rows][columns] -> sums[in][tap][out], added; points lie `point` apart. */
    void (*add_taps)(const float *products, size_t point, int rows, int columns, float *sums,
                     size_t out);
} WinogradTransforms;

/* core/kernels/conv/winograd_plain.c: plain C. */
const WinogradTransforms *winograd_transforms_plain(const Winograd *w);

/* core/kernels/conv/winograd_f32.c and winograd_bf16.c, for the CPUs that gemm_kernel has a kernel
 * of that type for. NULL where they were not compiled. */
const WinogradTransforms *winograd_transforms_f32(const Winograd *w);
const WinogradTransforms *winograd_transforms_bf16(const Winograd *w);

/* Those that go with w->multiply. */
static inline const WinogradTransforms *winograd_transforms(const Winograd *w)
{
    const WinogradTransforms *fast = NULL;
    if (w->multiply == gemm_kernel(w->conv.src_bf16) || w->multiply == gemm_tiles())
        fast = w->conv.src_bf16 ? winograd_transforms_bf16(w) : winograd_transforms_f32(w);
    return fast ? fast : winograd_transforms_plain(w);
}
