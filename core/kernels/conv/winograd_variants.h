/* core/kernels/conv/winograd_variants.h -- F(m, r): the matrices of each variant, and where its
 * tiles are. */
#pragma once
#include "core/kernels/conv/winograd.h"
#include "core/kernels/vec.h"

enum { MAX_T = 6, MAX_POINTS = MAX_T * MAX_T };

typedef float Matrix[MAX_T][MAX_T];

/* Points 1 and 2, 3 and 4 and so on are p and -p, as far as there are pairs: their rows have the
 * same numbers, with the other sign at odd powers. */
typedef struct {
    int m, r, t;
    int pairs;
    Matrix at;  // m x t, powers by points
    Matrix g;   // t x r, points by powers
    Matrix bt;  // t x t, points by powers
} Variant;

// clang-format off
/* A 1 x 1 convolution, which is a plain matrix product. */
static const Variant VARIANT_1_1 = {1, 1, 1, 0, {{1}}, {{1}}, {{1}}};

/* Points 0, -1, 1/2, 2, infinity. */
static const Variant VARIANT_3_3 = {
    3, 3, 5, 0,
    {{1, 1, 1, 1, 0}, {0, -1, 0.5f, 2, 0}, {0, 1, 0.25f, 4, 1}},
    {{1, 0, 0},
     {-2 / 9.f, 2 / 9.f, -2 / 9.f},
     {-8 / 9.f, -4 / 9.f, -2 / 9.f},
     {1 / 9.f, 2 / 9.f, 4 / 9.f},
     {0, 0, 1}},
    {{1, -1.5f, -1.5f, 1, 0},
     {0, 1, -2.5f, 1, 0},
     {0, -2, -1, 1, 0},
     {0, -0.5f, 0.5f, 1, 0},
     {0, 1, -1.5f, -1.5f, 1}},
};

/* Points 0, 2/3, -2/3, 3/2, -3/2, infinity, in both that follow. */
#define BT_6                                   \
    {{1, 0, -97 / 36.f, 0, 1, 0},              \
     {0, -1.5f, -2.25f, 2 / 3.f, 1, 0},        \
     {0, 1.5f, -2.25f, -2 / 3.f, 1, 0},        \
     {0, -2 / 3.f, -4 / 9.f, 1.5f, 1, 0},      \
     {0, 2 / 3.f, -4 / 9.f, -1.5f, 1, 0},      \
     {0, 1, 0, -97 / 36.f, 0, 1}}

static const Variant VARIANT_4_3 = {
    4, 3, 6, 2,
    {{1, 1, 1, 1, 1, 0},
     {0, 2 / 3.f, -2 / 3.f, 1.5f, -1.5f, 0},
     {0, 4 / 9.f, 4 / 9.f, 2.25f, 2.25f, 0},
     {0, 8 / 27.f, -8 / 27.f, 3.375f, -3.375f, 1}},
    {{1, 0, 0},
     {-81 / 130.f, -27 / 65.f, -18 / 65.f},
     {-81 / 130.f, 27 / 65.f, -18 / 65.f},
     {8 / 65.f, 12 / 65.f, 18 / 65.f},
     {8 / 65.f, -12 / 65.f, 18 / 65.f},
     {0, 0, 1}},
    BT_6,
};

static const Variant VARIANT_2_5 = {
    2, 5, 6, 2,
    {{1, 1, 1, 1, 1, 0}, {0, 2 / 3.f, -2 / 3.f, 1.5f, -1.5f, 1}},
    {{1, 0, 0, 0, 0},
     {-81 / 130.f, -27 / 65.f, -18 / 65.f, -12 / 65.f, -8 / 65.f},
     {-81 / 130.f, 27 / 65.f, -18 / 65.f, 12 / 65.f, -8 / 65.f},
     {8 / 65.f, 12 / 65.f, 18 / 65.f, 27 / 65.f, 81 / 130.f},
     {8 / 65.f, -12 / 65.f, 18 / 65.f, -27 / 65.f, 81 / 130.f},
     {0, 0, 0, 0, 1}},
    BT_6,
};
#undef BT_6

/* DO(variant) for each, in the order of WinogradVariant. */
#define WINOGRAD_FOR_EACH(DO) DO(1_1) DO(3_3) DO(4_3) DO(2_5)
// clang-format on

static inline const Variant *winograd_variant(WinogradVariant v)
{
    static const Variant *const ALL[WINOGRAD_VARIANTS] = {&VARIANT_1_1, &VARIANT_3_3, &VARIANT_4_3,
                                                          &VARIANT_2_5};
    return ALL[v];
}

/* ---- Where the tiles are ---- */

typedef struct {
    int rows, columns;  // tiles in an image
    int count;          // in all images
} Tiles;

static inline Tiles winograd_tiles(const Winograd *w)
{
    const int m = winograd_variant(w->variant)->m;
    const int rows = (w->conv.height + m - 1) / m, columns = (w->conv.width + m - 1) / m;
    return (Tiles){rows, columns, w->conv.batch * rows * columns};
}

/* The first channel of `side` x `side` pixels, `stride` numbers apart, of a feature map, `shift`
 * pixels up and to the left of the tile's corner; pixels outside the image point at `zeros`. */
static inline void winograd_pixels(const Winograd *w, Tiles tiles, int tile, int shift, int side,
                                   const void *map, size_t stride, const void *zeros,
                                   const char **pixels)
{
    const int m = winograd_variant(w->variant)->m;
    const int image = tile / (tiles.rows * tiles.columns);
    const int row = tile / tiles.columns % tiles.rows * m - shift;
    const int column = tile % tiles.columns * m - shift;
    const size_t bytes = stride * (w->conv.src_bf16 ? 2 : 4);
    for (int i = 0; i < side; i++) {
        for (int j = 0; j < side; j++) {
            const int y = row + i, x = column + j;
            const bool inside = y >= 0 && y < w->conv.height && x >= 0 && x < w->conv.width;
            const size_t pixel =
                ((size_t)image * (size_t)w->conv.height + (size_t)y) * (size_t)w->conv.width
                + (size_t)x;
            pixels[i * side + j] = inside ? (const char *)map + pixel * bytes : zeros;
        }
    }
}
