/* core/kernels/conv/winograd_lines.h -- a variant's matrices, applied to tiles: columns first, then
 * rows.
 *
 * The compiler knows the matrices. It drops what is 0, and the two points of a pair share their
 * sums: half the products of the larger variants.
 */
#pragma once
#include "core/kernels/checked.h"
#include "core/kernels/conv/winograd_variants.h"

/* Speed comes from functions whose loops are unrolled for the constants of a variant, at the price
 * of seconds of compiling for each. A file that defines WINOGRAD_ROLLED gets the same functions as
 * plain loops over a variant that is only known when they run: the same loads and stores in a
 * fraction of the code. Sanitizers, which check every load and store and took minutes for the
 * unrolled ones, get those. */
#ifdef CHECKED_ACCESSES
#define WINOGRAD_ROLLED
#endif

#ifdef WINOGRAD_ROLLED
#define WINOGRAD_INLINE static __attribute__((noinline))
#define WINOGRAD_UNROLL(COUNT)
#else
#define WINOGRAD_INLINE        VEC_INLINE
#define WINOGRAD_PRAGMA(TEXT)  _Pragma(#TEXT)
#define WINOGRAD_UNROLL(COUNT) WINOGRAD_PRAGMA(GCC unroll COUNT)
#endif

WINOGRAD_INLINE float winograd_number(const Matrix matrix, bool transposed, int i, int j)
{
    return transposed ? matrix[j][i] : matrix[i][j];
}

/* Whether a point is the first or the second of a pair. */
WINOGRAD_INLINE bool winograd_first(const Variant *f, int point)
{
    return point % 2 == 1 && point < 2 * f->pairs;
}

WINOGRAD_INLINE bool winograd_second(const Variant *f, int point)
{
    return point > 0 && winograd_first(f, point - 1);
}

/* The sum of `number * x` over those that are not 0. */
typedef struct {
    Vec sum;
    bool begun;
} WinogradSum;

WINOGRAD_INLINE void winograd_add(WinogradSum *s, float number, const Vec *x)
{
    if (number != 0) {
        s->sum = s->begun ? s->sum + number * *x : number * *x;
        s->begun = true;
    }
}

/* A column or row of powers to one of points: dst[i * dst_step] = sum over j of
 * matrix[i][j] * src[j * src_step]. The points of a pair share what even and odd powers have. */
WINOGRAD_INLINE void winograd_line_to_points(const Variant *f, Vec *dst, int dst_step,
                                             const Vec *src, int src_step, const Matrix matrix,
                                             bool transposed, int powers)
{
    WINOGRAD_UNROLL(6)
    for (int i = 0; i < f->t; i++) {
        if (winograd_second(f, i))
            continue;
        WinogradSum even = {0}, odd = {0};
        WINOGRAD_UNROLL(6)
        for (int j = 0; j < powers; j++)
            winograd_add(winograd_first(f, i) && j % 2 ? &odd : &even,
                         winograd_number(matrix, transposed, i, j), &src[j * src_step]);
        dst[i * dst_step] = winograd_first(f, i) ? even.sum + odd.sum : even.sum;
        if (winograd_first(f, i))
            dst[(i + 1) * dst_step] = even.sum - odd.sum;
    }
}

/* A column or row of points to one of powers, in the same way: even powers use the sum of a pair,
 * odd ones the difference. */
WINOGRAD_INLINE void winograd_line_from_points(const Variant *f, Vec *dst, int dst_step,
                                               const Vec *src, int src_step, const Matrix matrix,
                                               bool transposed, int powers)
{
    Vec even[MAX_T], odd[MAX_T];
    WINOGRAD_UNROLL(6)
    for (int j = 0; j < f->t; j++) {
        even[j] = odd[j] = src[j * src_step];
        if (winograd_first(f, j)) {
            even[j] += src[(j + 1) * src_step];
            odd[j] -= src[(j + 1) * src_step];
        }
    }
    WINOGRAD_UNROLL(6)
    for (int i = 0; i < powers; i++) {
        WinogradSum s = {0};
        WINOGRAD_UNROLL(6)
        for (int j = 0; j < f->t; j++) {
            if (!winograd_second(f, j))
                winograd_add(&s, winograd_number(matrix, transposed, i, j),
                             i % 2 ? &odd[j] : &even[j]);
        }
        dst[i * dst_step] = s.sum;
    }
}

/* dst = matrix src matrix': src powers x powers, dst t x t points. */
WINOGRAD_INLINE void winograd_to_points(const Variant *f, Vec *dst, const Vec *src,
                                        const Matrix matrix, bool transposed, int powers)
{
    Vec half[MAX_POINTS];
    WINOGRAD_UNROLL(6)
    for (int j = 0; j < powers; j++)
        winograd_line_to_points(f, half + j, powers, src + j, powers, matrix, transposed, powers);
    WINOGRAD_UNROLL(6)
    for (int i = 0; i < f->t; i++)
        winograd_line_to_points(f, dst + i * f->t, 1, half + i * powers, 1, matrix, transposed,
                                powers);
}

/* dst = matrix src matrix': src t x t points, dst powers x powers. */
WINOGRAD_INLINE void winograd_from_points(const Variant *f, Vec *dst, const Vec *src,
                                          const Matrix matrix, bool transposed, int powers)
{
    Vec half[MAX_POINTS];
    WINOGRAD_UNROLL(6)
    for (int j = 0; j < f->t; j++)
        winograd_line_from_points(f, half + j, f->t, src + j, f->t, matrix, transposed, powers);
    WINOGRAD_UNROLL(6)
    for (int i = 0; i < powers; i++)
        winograd_line_from_points(f, dst + i * powers, 1, half + i * f->t, 1, matrix, transposed,
                                  powers);
}
