/* core/kernels/conv/panels.h -- matrices cut into panels of GEMM_PANEL columns, as gemm.h wants b:
 * a panel's rows are as wide as it is, and the panel from column `first` on begins first * depth
 * numbers from the start. */
#pragma once
#include "core/kernels/conv/gemm.h"

static inline int panel_width(int columns, int first)
{
    return columns - first < GEMM_PANEL ? columns - first : GEMM_PANEL;
}

/* Where column c begins: its first number, with the others a panel's width apart. */
static inline ptrdiff_t panel_at(int c, int depth)
{
    const int within = c % GEMM_PANEL;
    return (ptrdiff_t)(c - within) * depth + within;
}

/* Transpose a panel: rows[column][k]. */
static inline void panel_transpose(const float *panel, int width, int depth, float *rows)
{
    enum { SQUARE = 16 };  // numbers, whose cache lines stay in the cache
    for (int first = 0; first < depth; first += SQUARE) {
        const int end = first + SQUARE < depth ? first + SQUARE : depth;
        for (int c = 0; c < width; c++) {
            for (int k = first; k < end; k++)
                rows[(ptrdiff_t)c * depth + k] = panel[(ptrdiff_t)k * width + c];
        }
    }
}
