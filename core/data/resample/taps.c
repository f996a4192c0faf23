#include "core/data/resample/taps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/invariant.h"
#include "core/base/memory.h"

static double triangle(double x)
{
    return fabs(x) < 1 ? 1 - fabs(x) : 0;
}

static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static const struct {
    double (*weight)(double x);
    double support;
} FILTERS[] = {
    [FILTER_BILINEAR] = {triangle, 1},
    [FILTER_BICUBIC] = {cubic, 2},
};

double filter_reach(Filter filter, double length, int size)
{
    const double scale = length / size;
    return FILTERS[filter].support * (scale < 1 ? 1 : scale);
}

static int rounded(double share)
{
    const double weight = share * (1 << TAP_FRACTION_BITS);
    return (int)(weight < 0 ? weight - 0.5 : weight + 0.5);
}

/* Cut off zeros at both ends of output pixel i. */
static void trim(Taps *taps, int i)
{
    int *weights = taps->weights + (size_t)i * (size_t)taps->max_count;
    int zeros = 0, count = taps->count[i];
    while (count > 1 && weights[count - 1] == 0)
        count--;
    while (zeros < count - 1 && weights[zeros] == 0)
        zeros++;
    memmove(weights, weights + zeros, (size_t)(count - zeros) * sizeof *weights);
    taps->first[i] += zeros;
    taps->count[i] = count - zeros;
}

/* Exactly Pillow's formulas, in its order of operations, since the last bit of a double can decide
 * how a weight is rounded. */
static void set(Taps *taps, int i, int src_size, double begin, double scale, Filter filter)
{
    const double stretch = scale < 1 ? 1 : scale;  // shrinking widens the filter
    const double support = FILTERS[filter].support * stretch;
    const double center = begin + (i + 0.5) * scale;
    int first = (int)(center - support + 0.5);
    int end = (int)(center + support + 0.5);
    first = first < 0 ? 0 : first;
    end = end > src_size ? src_size : end;
    INVARIANT(end > first && end - first <= taps->max_count);

    double sum = 0;
    for (int x = first; x < end; x++)
        sum += FILTERS[filter].weight((x - center + 0.5) * (1 / stretch));
    int *weights = taps->weights + (size_t)i * (size_t)taps->max_count;
    for (int x = first; x < end; x++) {
        const double weight = FILTERS[filter].weight((x - center + 0.5) * (1 / stretch));
        weights[x - first] = rounded(sum != 0 ? weight / sum : weight);
    }
    taps->first[i] = first;
    taps->count[i] = end - first;
    trim(taps, i);
}

void taps_init(Taps *taps, int src_size, float begin, float end, int dst_size, Filter filter)
{
    INVARIANT(dst_size >= 1 && begin >= 0 && begin < end && end <= (float)src_size);
    const double scale = (double)(end - begin) / dst_size;
    taps->size = dst_size;
    taps->max_count = 2 * (int)ceil(FILTERS[filter].support * (scale < 1 ? 1 : scale)) + 1;
    taps->first = xcalloc((size_t)dst_size, sizeof *taps->first);
    taps->count = xcalloc((size_t)dst_size, sizeof *taps->count);
    taps->weights = xcalloc((size_t)dst_size * (size_t)taps->max_count, sizeof *taps->weights);
    for (int i = 0; i < dst_size; i++)
        set(taps, i, src_size, begin, scale, filter);
}

void taps_free(Taps *taps)
{
    free(taps->first);
    free(taps->count);
    free(taps->weights);
    *taps = (Taps){0};
}
