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
