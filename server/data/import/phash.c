#include "server/data/import/phash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

enum { SIDE = 8 };  // frequencies in each direction

struct Phash {
    int size;
    float *cosines;  // (size, SIDE)
    float *luma;     // (size): one row
    float *rows;     // (size, SIDE): each row's lowest frequencies
};

Phash *phash_new(int size)
{
    Phash *p = xcalloc(1, sizeof *p);
    const size_t n = (size_t)size;
    p->size = size;
    p->cosines = xcalloc(SIDE * n, sizeof *p->cosines);
    p->luma = xcalloc(n, sizeof *p->luma);
    p->rows = xcalloc(SIDE * n, sizeof *p->rows);
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

static void luma_of_row(const uint8_t *row, int size, int channels, float *luma)
{
    for (int x = 0; x < size; x++)
        luma[x] = channels == 1 ? (float)row[x]
                                : 0.299f * (float)row[3 * x] + 0.587f * (float)row[3 * x + 1]
                                      + 0.114f * (float)row[3 * x + 2];
}

/* The lowest frequencies of each row. */
static void transform_rows(Phash *p, const uint8_t *pixels, int channels)
{
    const size_t n = (size_t)p->size;
    for (size_t y = 0; y < n; y++) {
        luma_of_row(pixels + y * n * (size_t)channels, p->size, channels, p->luma);
        float sums[SIDE] = {0};
        for (size_t x = 0; x < n; x++)
            for (size_t u = 0; u < SIDE; u++)
                sums[u] += p->luma[x] * p->cosines[x * SIDE + u];
        memcpy(p->rows + y * SIDE, sums, sizeof sums);
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
