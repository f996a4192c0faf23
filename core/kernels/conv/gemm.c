#include "core/kernels/conv/gemm.h"

#include <oneapi/dnnl/dnnl.h>

#include "core/kernels/checked.h"

/* DESIGN. A tile of up to 14 rows and 32 columns of c stays in registers (28 of the 32 that AVX-512
 * has) while a column of a, number by number, meets a row of b. The compiler is given the number of
 * rows and vectors as constants, once for each pair of them, and unrolls.
 *
 * Left out on purpose: blocking over depth. Callers' panels fit the second-level cache.
 */

enum { MAX_ROWS = 14 };

#if defined(__x86_64__)
#include <immintrin.h>

#define MULTIPLY_ADD_f32(c, a, b) _mm512_fmadd_ps(a, b, c)
#define MULTIPLY_ADD_bf16(c, a, b)                                                                 \
    _mm512_dpbf16_ps(c, (__m512bh)_mm512_castps_si512(a), (__m512bh)_mm512_castps_si512(b))

#ifdef CHECKED_ACCESSES
#define TILE_INLINE(TARGET) static __attribute__((noinline, target(TARGET)))
#define UNROLL
#else
#define TILE_INLINE(TARGET) static inline __attribute__((always_inline, target(TARGET)))
#define UNROLL              _Pragma("GCC unroll 14")
#endif

#define KERNEL(TYPE, TARGET)                                                                       \
    TILE_INLINE(TARGET)                                                                            \
    void tile_##TYPE(const Gemm *g, const float *a, const float *b, float *c, const int rows,      \
                     const int vecs)                                                               \
    {                                                                                              \
        __m512 sum[MAX_ROWS][2];                                                                   \
        UNROLL for (int i = 0; i < rows; i++)                                                      \
        {                                                                                          \
            for (int j = 0; j < vecs; j++)                                                         \
                sum[i][j] =                                                                        \
                    g->add ? _mm512_load_ps(c + i * g->c_row + VEC * j) : _mm512_setzero_ps();     \
        }                                                                                          \
        for (int k = 0; k < g->depth; k++) {                                                       \
            __m512 row[2];                                                                         \
            for (int j = 0; j < vecs; j++)                                                         \
                row[j] = _mm512_load_ps(b + (k * vecs + j) * VEC);                                 \
            UNROLL for (int i = 0; i < rows; i++)                                                  \
            {                                                                                      \
                const __m512 x = _mm512_set1_ps(a[i * g->a_row + k * g->a_depth]);                 \
                for (int j = 0; j < vecs; j++)                                                     \
                    sum[i][j] = MULTIPLY_ADD_##TYPE(sum[i][j], x, row[j]);                         \
            }                                                                                      \
        }                                                                                          \
        UNROLL for (int i = 0; i < rows; i++)                                                      \
        {                                                                                          \
            for (int j = 0; j < vecs; j++)                                                         \
                _mm512_store_ps(c + i * g->c_row + VEC * j, sum[i][j]);                            \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    __attribute__((target(TARGET))) static void one_##TYPE(const Gemm *g)                          \
    {                                                                                              \
        const int tiles = (g->rows + MAX_ROWS - 1) / MAX_ROWS;                                     \
        for (int panel = 0; panel < g->cols; panel += GEMM_PANEL) {                                \
            const float *b = (const float *)g->b + (ptrdiff_t)panel * g->depth;                    \
            const bool wide = g->cols - panel >= GEMM_PANEL;                                       \
            for (int t = 0; t < tiles; t++) {                                                      \
                const int first = g->rows * t / tiles, last = g->rows * (t + 1) / tiles;           \
                const float *a = (const float *)g->a + first * g->a_row;                           \
                float *c = g->c + first * g->c_row + panel;                                        \
                switch (last - first) {                                                            \
                    ALL_ROWS(TYPE)                                                                 \
                default:                                                                           \
                    break;                                                                         \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static void gemm_avx512_##TYPE(const Gemm *g)                                                  \
    {                                                                                              \
        for (int i = 0; i == 0 || i < g->count; i++) {                                             \
            const Gemm one = gemm_at(g, i);                                                        \
            one_##TYPE(&one);                                                                      \
        }                                                                                          \
    }

#define ROWS(TYPE, N)                                                                              \
    case N:                                                                                        \
        if (wide)                                                                                  \
            tile_##TYPE(g, a, b, c, N, 2);                                                         \
        else                                                                                       \
            tile_##TYPE(g, a, b, c, N, 1);                                                         \
        break;
// clang-format off
#define ALL_ROWS(T) \
    ROWS(T, 1) ROWS(T, 2) ROWS(T, 3) ROWS(T, 4) ROWS(T, 5) ROWS(T, 6) ROWS(T, 7) \
    ROWS(T, 8) ROWS(T, 9) ROWS(T, 10) ROWS(T, 11) ROWS(T, 12) ROWS(T, 13) ROWS(T, 14)
// clang-format on

KERNEL(f32, "avx512f")
KERNEL(bf16, "avx512f,avx512bf16")

GemmKernel *gemm_kernel(bool bf16)
{
    const unsigned isa = dnnl_get_effective_cpu_isa();
    const unsigned needed = bf16 ? dnnl_cpu_isa_avx512_core_bf16 : dnnl_cpu_isa_avx512_core;
    if ((isa & needed) != needed)
        return NULL;
    return bf16 ? gemm_avx512_bf16 : gemm_avx512_f32;
}

#else

GemmKernel *gemm_kernel(bool bf16)
{
    (void)bf16;
    return NULL;
}

#endif
