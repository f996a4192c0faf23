#include "core/data/normalization.h"

#include <math.h>

#include "core/base/invariant.h"

static void count_values(const uint8_t *pixels, size_t bytes, size_t channels,
                         uint64_t (*counts)[256])
{
    for (size_t i = 0; i < bytes; i += channels)
        for (size_t c = 0; c < channels; c++)
            counts[c][pixels[i + c]]++;
}

/* n values v with the sums s of v and q of v * v: mean s / n, variance (n * q - s * s) / n / n. */
static void moments(const uint64_t counts[256], double *mean, double *deviation)
{
    uint64_t n = 0, sum = 0, squares = 0;
    for (uint64_t v = 0; v < 256; v++) {
        n += counts[v];
        sum += counts[v] * v;
        squares += counts[v] * v * v;
    }
    const unsigned __int128 spread = (unsigned __int128)n * squares - (unsigned __int128)sum * sum;
    *mean = (double)sum / (double)n / 255;
    *deviation = spread > 0 ? sqrt((double)spread) / (double)n / 255 : 1;
}

Normalization normalization_measure(const Split *split, Shape image, const int32_t *examples,
                                    int count)
{
    INVARIANT(image.channels <= NORMALIZATION_MAX_CHANNELS && count > 0);
    uint64_t counts[NORMALIZATION_MAX_CHANNELS][256] = {0};
    const size_t bytes = shape_count(image);
    for (int i = 0; i < count; i++)
        count_values(split->pixels + (size_t)examples[i] * bytes, bytes, (size_t)image.channels,
                     counts);
    Normalization n = {.channels = image.channels};
    for (int c = 0; c < image.channels; c++)
        moments(counts[c], &n.mean[c], &n.deviation[c]);
    return n;
}

void normalization_table(const Normalization *n, int channels, float (*table)[256])
{
    for (int c = 0; c < channels; c++) {
        const float mean = n->channels ? (float)n->mean[c] : 0;
        const float deviation = n->channels ? (float)n->deviation[c] : 1;
        for (int v = 0; v < 256; v++)
            table[c][v] = ((float)v / 255.0f - mean) / deviation;
    }
}
