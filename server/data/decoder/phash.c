/* Compiled without contraction (server/CMakeLists.txt): the bits are the same on every CPU, so that
 * a source gives the same groups, and the same split, everywhere. */
#include "server/data/decoder/phash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "core/base/memory.h"
#include "core/base/numbers/simd.h"

enum {
    SIDE = 8,   // frequencies in each direction
    BLOCK = 8,  // rows that are transformed together: each sum waits for itself
};

struct Phash {
    int size;
    float *cosines;  // (size, SIDE)
    float *luma;     // (BLOCK, size)
    float *rows;     // (size, SIDE): each row's lowest frequencies; room for a whole block behind
};

Phash *phash_new(int size)
{
    Phash *p = xcalloc(1, sizeof *p);
    const size_t n = (size_t)size;
    p->size = size;
    p->cosines = xcalloc(SIDE * n, sizeof *p->cosines);
    p->luma = xcalloc(BLOCK * n, sizeof *p->luma);
    p->rows = xcalloc(SIDE * (n + BLOCK), sizeof *p->rows);
    for (int x = 0; x < size; x++)
        for (int u = 0; u < SIDE; u++)
            p->cosines[x * SIDE + u] = (float)cos(M_PI * (2 * x + 1) * u / (2 * size));
    return p;
}

void phash_free(Phash *p)
{
    if (!p)
        return;
    free(p->cosines);
    free(p->luma);
    free(p->rows);
    free(p);
}

SIMD_CLONES static void luma_of(const uint8_t *restrict pixels, size_t count, int channels,
                                float *restrict luma)
{
    for (size_t i = 0; channels == 1 && i < count; i++)
        luma[i] = (float)pixels[i];
    for (size_t i = 0; channels != 1 && i < count; i++)
        luma[i] = 0.299f * (float)pixels[3 * i] + 0.587f * (float)pixels[3 * i + 1]
                  + 0.114f * (float)pixels[3 * i + 2];
}

/* The lowest frequencies of BLOCK rows. Each is the sum of a row from its left to its right. */
static void transform_block(const float *restrict luma, const float *restrict cosines, size_t n,
                            float *restrict rows)
{
    float sums[BLOCK][SIDE] = {{0}};
    for (size_t x = 0; x < n; x++)
        for (size_t r = 0; r < BLOCK; r++)
            for (size_t u = 0; u < SIDE; u++)
                sums[r][u] += luma[r * n + x] * cosines[x * SIDE + u];
    memcpy(rows, sums, sizeof sums);
}

#ifdef __x86_64__
/* The same bits: a register holds a row's sums. GCC makes ten times as many instructions of the
 * loop above, as it shuffles columns together. */
__attribute__((target("avx2"))) static void
transform_block_avx2(const float *luma, const float *cosines, size_t n, float *rows)
{
    __m256 sums[BLOCK];
    for (size_t r = 0; r < BLOCK; r++)
        sums[r] = _mm256_setzero_ps();
    for (size_t x = 0; x < n; x++) {
        const __m256 cosine = _mm256_loadu_ps(cosines + x * SIDE);
        for (size_t r = 0; r < BLOCK; r++)
            sums[r] = _mm256_add_ps(sums[r],
                                    _mm256_mul_ps(_mm256_broadcast_ss(luma + r * n + x), cosine));
    }
    for (size_t r = 0; r < BLOCK; r++)
        _mm256_storeu_ps(rows + r * SIDE, sums[r]);
}
#endif

typedef void TransformBlock(const float *luma, const float *cosines, size_t n, float *rows);

static TransformBlock *transform_block_kernel(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        return transform_block_avx2;
#endif
    return transform_block;
}

static void transform_rows(Phash *p, const uint8_t *pixels, int channels)
{
    const size_t n = (size_t)p->size;
    TransformBlock *const transform = transform_block_kernel();
    for (size_t y = 0; y < n; y += BLOCK) {
        const size_t count = n - y < BLOCK ? n - y : BLOCK;
        luma_of(pixels + y * n * (size_t)channels, count * n, channels, p->luma);
        transform(p->luma, p->cosines, n, p->rows + y * SIDE);
    }
}

/* And of the columns of these. */
static void transform_columns(const Phash *p, float coefficients[SIDE * SIDE])
{
    const size_t n = (size_t)p->size;
    for (size_t v = 0; v < SIDE; v++) {
        float *row = coefficients + v * SIDE;
        for (size_t u = 0; u < SIDE; u++)
            row[u] = 0;
        for (size_t y = 0; y < n; y++)
            for (size_t u = 0; u < SIDE; u++)
                row[u] += p->rows[y * SIDE + u] * p->cosines[y * SIDE + v];
    }
}

/* The mean of the two in the middle. A value's place is the number of those below it; equal ones
 * share a place, and the last of them is the one that is looked for. */
SIMD_CLONES static float median_of(const float values[restrict SIDE * SIDE])
{
    enum { COUNT = SIDE * SIDE, HALF = COUNT / 2 };
    float lower = -INFINITY, upper = -INFINITY;
    for (size_t i = 0; i < COUNT; i++) {
        int below = 0;
        for (size_t k = 0; k < COUNT; k++)
            below += values[k] < values[i];
        if (below <= HALF - 1 && values[i] > lower)
            lower = values[i];
        if (below <= HALF && values[i] > upper)
            upper = values[i];
    }
    return (lower + upper) / 2;
}

uint64_t phash_of(Phash *p, const uint8_t *pixels, int channels)
{
    float coefficients[SIDE * SIDE];
    transform_rows(p, pixels, channels);
    transform_columns(p, coefficients);
    const float median = median_of(coefficients);
    uint64_t hash = 0;
    for (int i = 0; i < SIDE * SIDE; i++)
        hash |= (uint64_t)(coefficients[i] > median) << i;
    return hash;
}
