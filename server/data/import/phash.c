/* Compiled without contraction (server/CMakeLists.txt): the bits are the same on every CPU, so that
 * a source gives the same groups, and the same split, everywhere. */
#include "server/data/import/phash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
SIMD_CLONES static void transform_block(const float *restrict luma, const float *restrict cosines,
                                        size_t n, float *restrict rows)
{
    float sums[BLOCK][SIDE] = {{0}};
    for (size_t x = 0; x < n; x++)
        for (size_t r = 0; r < BLOCK; r++)
            for (size_t u = 0; u < SIDE; u++)
                sums[r][u] += luma[r * n + x] * cosines[x * SIDE + u];
    memcpy(rows, sums, sizeof sums);
}

static void transform_rows(Phash *p, const uint8_t *pixels, int channels)
{
    const size_t n = (size_t)p->size;
    for (size_t y = 0; y < n; y += BLOCK) {
        const size_t count = n - y < BLOCK ? n - y : BLOCK;
        luma_of(pixels + y * n * (size_t)channels, count * n, channels, p->luma);
        transform_block(p->luma, p->cosines, n, p->rows + y * SIDE);
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

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

uint64_t phash_of(Phash *p, const uint8_t *pixels, int channels)
{
    enum { HALF = SIDE * SIDE / 2 };
    float coefficients[SIDE * SIDE], sorted[SIDE * SIDE];
    transform_rows(p, pixels, channels);
    transform_columns(p, coefficients);
    for (int i = 0; i < SIDE * SIDE; i++)
        sorted[i] = coefficients[i];
    qsort(sorted, SIDE * SIDE, sizeof *sorted, compare);
    const float median = (sorted[HALF - 1] + sorted[HALF]) / 2;
    uint64_t hash = 0;
    for (int i = 0; i < SIDE * SIDE; i++)
        hash |= (uint64_t)(coefficients[i] > median) << i;
    return hash;
}
