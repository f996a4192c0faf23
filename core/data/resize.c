/* DESIGN
 * One pass along the rows, then one along the columns; each output pixel is a weighted sum of
 * neighbouring input pixels. Weights are computed once in double, scaled to 22 fractional bits and
 * rounded; sums are 32-bit integers that start at one half, so that the shift rounds. Weights are
 * never negative and sum to 2^22 within rounding: 255 times the sum fits 31 bits, and a result
 * above 255 cannot come out, so nothing is clipped. Weights that rounded to zero at either end are
 * cut off, which changes no sum: growing then needs two products per pixel and pass.
 *
 * The row pass works on single pixels, the column pass on whole rows, which vectorise. A pass whose
 * size does not change is left out, as Pillow does: its weights would be one 1 each.
 *
 * Weights depend on the length to be resized alone, for rows and columns alike; those of a length
 * are made when it is first met, since random crops come in all lengths.
 */
#include "core/data/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/invariant.h"
#include "core/base/memory.h"
#include "core/base/simd.h"

enum {
    FRACTION_BITS = 22,  // 8 bits of pixel, 22 of weight and a sign, with one to spare
    ONE = 1 << FRACTION_BITS,
    HALF = ONE / 2,
};

/* Output pixel i is the sum of weights[i * max_count + k] * src[first[i] + k], k < count[i]. */
typedef struct {
    int *first;
    int *count;
    int *weights;
    int max_count;
} Taps;

struct Resize {
    Shape src;
    int side;
    Taps *taps;     // (the longer side of src + 1), by length; without weights until it is met
    uint8_t *rows;  // (src.height, side, channels): between the passes
    int *sums;      // (side, channels): one row of the column pass
};

static double triangle(double x)
{
    return fabs(x) < 1 ? 1 - fabs(x) : 0;
}

/* The weights of one output pixel. Exactly Pillow's formulas, in its order of operations,
 * since the last bit of a double can decide how a weight is rounded. */
static void taps_set(Taps *taps, int i, int src_size, int dst_size)
{
    const double scale = (double)src_size / dst_size;
    const double stretch = scale < 1 ? 1 : scale;  // shrinking widens the triangle
    const double center = (i + 0.5) * scale;
    int first = (int)(center - stretch + 0.5);
    int end = (int)(center + stretch + 0.5);
    first = first < 0 ? 0 : first;
    end = end > src_size ? src_size : end;
    INVARIANT(end > first && end - first <= taps->max_count);

    double sum = 0;
    for (int x = first; x < end; x++)
        sum += triangle((x - center + 0.5) * (1 / stretch));
    int *weights = taps->weights + (size_t)i * (size_t)taps->max_count;
    for (int x = first; x < end; x++) {
        const double share = triangle((x - center + 0.5) * (1 / stretch)) / sum;
        weights[x - first] = (int)(0.5 + share * ONE);
    }

    int zeros = 0, count = end - first;
    while (count > 1 && weights[count - 1] == 0)
        count--;
    while (zeros < count - 1 && weights[zeros] == 0)
        zeros++;
    memmove(weights, weights + zeros, (size_t)(count - zeros) * sizeof *weights);
    taps->first[i] = first + zeros;
    taps->count[i] = count - zeros;
}

static void taps_init(Taps *taps, int src_size, int dst_size)
{
    const double scale = (double)src_size / dst_size;
    taps->max_count = 2 * (int)ceil(scale < 1 ? 1 : scale) + 1;
    taps->first = xcalloc((size_t)dst_size, sizeof *taps->first);
    taps->count = xcalloc((size_t)dst_size, sizeof *taps->count);
    taps->weights = xcalloc((size_t)dst_size * (size_t)taps->max_count, sizeof *taps->weights);
    for (int i = 0; i < dst_size; i++)
        taps_set(taps, i, src_size, dst_size);
}

static void taps_free(Taps *taps)
{
    free(taps->first);
    free(taps->count);
    free(taps->weights);
}

static int longest(Shape src)
{
    return src.width > src.height ? src.width : src.height;
}

/* NULL where the length stays as it is. */
static const Taps *taps_for(Resize *r, int length)
{
    Taps *taps = &r->taps[length];
    if (length == r->side)
        return NULL;
    if (!taps->weights)
        taps_init(taps, length, r->side);
    return taps;
}

Resize *resize_new(Shape src, int side)
{
    INVARIANT(src.channels >= 1 && src.height >= 1 && src.width >= 1 && side >= 1);
    Resize *r = xcalloc(1, sizeof *r);
    r->src = src;
    r->side = side;
    r->taps = xcalloc((size_t)longest(src) + 1, sizeof *r->taps);
    const size_t row = (size_t)side * (size_t)src.channels;
    r->rows = xcalloc((size_t)src.height * row, 1);
    r->sums = xcalloc(row, sizeof *r->sums);
    return r;
}

void resize_free(Resize *r)
{
    if (!r)
        return;
    for (int i = 0; i <= longest(r->src); i++)
        taps_free(&r->taps[i]);
    free(r->taps);
    free(r->rows);
    free(r->sums);
    free(r);
}

/* One row of the row pass: `dst_size` pixels of `channels` bytes. */
static void run_across(const Taps *taps, int dst_size, int channels, const uint8_t *src,
                       uint8_t *dst)
{
    for (int i = 0; i < dst_size; i++) {
        const int *weights = taps->weights + i * taps->max_count;
        const uint8_t *from = src + taps->first[i] * channels;
        for (int c = 0; c < channels; c++) {
            int sum = HALF;
            for (int k = 0; k < taps->count[i]; k++)
                sum += weights[k] * from[k * channels + c];
            *dst++ = (uint8_t)(sum >> FRACTION_BITS);
        }
    }
}

/* Row i of the column pass; rows are `bytes` long and `row_bytes` apart. */
SIMD_CLONES static void run_down(const Taps *taps, int i, size_t bytes, size_t row_bytes,
                                 const uint8_t *src, int *restrict sums, uint8_t *restrict dst)
{
    const int *weights = taps->weights + (size_t)i * (size_t)taps->max_count;
    const uint8_t *row = src + (size_t)taps->first[i] * row_bytes;
    for (size_t x = 0; x < bytes; x++)
        sums[x] = HALF;
    for (int k = 0; k < taps->count[i]; k++, row += row_bytes)
        for (size_t x = 0; x < bytes; x++)
            sums[x] += weights[k] * row[x];
    for (size_t x = 0; x < bytes; x++)
        dst[x] = (uint8_t)(sums[x] >> FRACTION_BITS);
}

void resize_picture(Resize *r, const Picture *src, uint8_t *dst)
{
    INVARIANT(src->channels == r->src.channels && src->height >= 1 && src->width >= 1
              && src->height <= r->src.height && src->width <= r->src.width);
    const size_t dst_row = (size_t)r->side * (size_t)src->channels;
    const Taps *across = taps_for(r, src->width), *down = taps_for(r, src->height);
    const uint8_t *rows = src->pixels;
    size_t row_bytes = src->row_bytes;
    if (across) {
        for (int y = 0; y < src->height; y++)
            run_across(across, r->side, src->channels, src->pixels + (size_t)y * src->row_bytes,
                       r->rows + (size_t)y * dst_row);
        rows = r->rows;
        row_bytes = dst_row;
    }
    for (int y = 0; y < r->side; y++) {
        if (down)
            run_down(down, y, dst_row, row_bytes, rows, r->sums, dst + (size_t)y * dst_row);
        else
            memcpy(dst + (size_t)y * dst_row, rows + (size_t)y * row_bytes, dst_row);
    }
}

void resize_run(Resize *r, const uint8_t *src, uint8_t *dst)
{
    const size_t row_bytes = (size_t)r->src.width * (size_t)r->src.channels;
    const Picture whole = {src, row_bytes, r->src.height, r->src.width, r->src.channels};
    resize_picture(r, &whole, dst);
}
