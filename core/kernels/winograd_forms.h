/* core/kernels/winograd_forms.h -- the forms: their matrices, how to apply them, and where tiles
 * are.
 */
#pragma once
#include "core/kernels/vec.h"
#include "core/kernels/winograd.h"

enum { MAX_T = 6, MAX_POINTS = MAX_T * MAX_T };

typedef float Matrix[MAX_T][MAX_T];

typedef struct {
    int m, r, t;
    Matrix at;  // m x t
    Matrix g;   // t x r
    Matrix bt;  // t x t
} Form;

// clang-format off
/* A 1 x 1 convolution, which is a plain matrix product. */
static const Form FORM_1_1 = {1, 1, 1, {{1}}, {{1}}, {{1}}};

/* Points 0, -1, 1/2, 2, infinity. */
static const Form FORM_3_3 = {
    3, 3, 5,
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

/* Points 0, 3/4, -3/4, 3/2, -3/2, infinity, in both that follow. */
#define BT_6                                   \
    {{1.265625f, 0, -2.8125f, 0, 1, 0},        \
     {0, -1.6875f, -2.25f, 0.75f, 1, 0},       \
     {0, 1.6875f, -2.25f, -0.75f, 1, 0},       \
     {0, -0.84375f, -0.5625f, 1.5f, 1, 0},     \
     {0, 0.84375f, -0.5625f, -1.5f, 1, 0},     \
     {0, 1.265625f, 0, -2.8125f, 0, 1}}

static const Form FORM_4_3 = {
    4, 3, 6,
    {{1, 1, 1, 1, 1, 0},
     {0, 0.75f, -0.75f, 1.5f, -1.5f, 0},
     {0, 0.5625f, 0.5625f, 2.25f, 2.25f, 0},
     {0, 0.421875f, -0.421875f, 3.375f, -3.375f, 1}},
    {{64 / 81.f, 0, 0},
     {-128 / 243.f, -32 / 81.f, -8 / 27.f},
     {-128 / 243.f, 32 / 81.f, -8 / 27.f},
     {32 / 243.f, 16 / 81.f, 8 / 27.f},
     {32 / 243.f, -16 / 81.f, 8 / 27.f},
     {0, 0, 1}},
    BT_6,
};

static const Form FORM_2_5 = {
    2, 5, 6,
    {{1, 1, 1, 1, 1, 0}, {0, 0.75f, -0.75f, 1.5f, -1.5f, 1}},
    {{64 / 81.f, 0, 0, 0, 0},
     {-128 / 243.f, -32 / 81.f, -8 / 27.f, -2 / 9.f, -1 / 6.f},
     {-128 / 243.f, 32 / 81.f, -8 / 27.f, 2 / 9.f, -1 / 6.f},
     {32 / 243.f, 16 / 81.f, 8 / 27.f, 4 / 9.f, 2 / 3.f},
     {32 / 243.f, -16 / 81.f, 8 / 27.f, -4 / 9.f, 2 / 3.f},
     {0, 0, 0, 0, 1}},
    BT_6,
};
#undef BT_6

/* DO(form) for each, in the order of WinogradForm. */
#define WINOGRAD_FOR_EACH(DO) DO(1_1) DO(3_3) DO(4_3) DO(2_5)
// clang-format on

static inline const Form *winograd_form(WinogradForm form)
{
    static const Form *const ALL[WINOGRAD_FORMS] = {&FORM_1_1, &FORM_3_3, &FORM_4_3, &FORM_2_5};
    return ALL[form];
}

/* One column or row: dst[i * dst_step] = sum over j of matrix[i][j] * src[j * src_step]. */
VEC_INLINE void winograd_line(Vec *dst, int dst_step, const Vec *src, int src_step,
                              const Matrix matrix, bool transposed, int rows, int cols)
{
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        Vec sum = {0};
        bool begun = false;
#pragma GCC unroll 6
        for (int j = 0; j < cols; j++) {
            const float c = transposed ? matrix[j][i] : matrix[i][j];
            if (c == 0)
                continue;
            sum = !begun ? c * src[j * src_step] : sum + c * src[j * src_step];
            begun = true;
        }
        dst[i * dst_step] = sum;
    }
}

/* dst = matrix src matrix', with matrix rows x cols, src cols x cols and dst rows x rows. */
VEC_INLINE void winograd_both_ways(Vec *dst, const Vec *src, const Matrix matrix, bool transposed,
                                   int rows, int cols)
{
    Vec half[MAX_POINTS];
#pragma GCC unroll 6
    for (int j = 0; j < cols; j++)
        winograd_line(half + j, cols, src + j, cols, matrix, transposed, rows, cols);
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
        winograd_line(dst + i * rows, 1, half + i * cols, 1, matrix, transposed, rows, cols);
}

/* ---- Where the tiles are ---- */

typedef struct {
    int rows, columns;  // tiles in an image
    int count;          // in all images
} Tiles;

static inline Tiles winograd_tiles(const Winograd *w)
{
    const int m = winograd_form(w->form)->m;
    const int rows = (w->height + m - 1) / m, columns = (w->width + m - 1) / m;
    return (Tiles){rows, columns, w->batch * rows * columns};
}

/* The first channel of `side` x `side` pixels of a feature map, `shift` pixels up and to the left
 * of the tile's corner; pixels outside the image point at `zeros`. */
static inline void winograd_pixels(const Winograd *w, Tiles tiles, int tile, int shift, int side,
                                   const void *map, int channels, const void *zeros,
                                   const char **pixels)
{
    const int m = winograd_form(w->form)->m;
    const int image = tile / (tiles.rows * tiles.columns);
    const int row = tile / tiles.columns % tiles.rows * m - shift;
    const int column = tile % tiles.columns * m - shift;
    const size_t bytes = (size_t)channels * (w->bf16 ? 2 : 4);
    for (int i = 0; i < side; i++) {
        for (int j = 0; j < side; j++) {
            const int y = row + i, x = column + j;
            const bool inside = y >= 0 && y < w->height && x >= 0 && x < w->width;
            const size_t pixel =
                ((size_t)image * (size_t)w->height + (size_t)y) * (size_t)w->width + (size_t)x;
            pixels[i * side + j] = inside ? (const char *)map + pixel * bytes : zeros;
        }
    }
}
