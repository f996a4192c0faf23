/* core/data/resample/taps.h -- which source pixels make an output pixel, and with what weights.
 *
 * Along one axis, output pixel i of `size` is
 *
 *   sum over k < count[i] of weights[i * max_count + k] * src[first[i] + k],  in units of 2^-22.
 *
 * Weights are Pillow's to the bit: computed in double in its order of operations, scaled to 22
 * fractional bits, rounded away from zero at one half. Those that rounded to zero at either end are
 * cut off, which changes no sum.
 *
 * Source   Pillow, "Resampling" (convolution with a filter that widens when shrinking).
 */
#pragma once

typedef enum {
    FILTER_BILINEAR,  // triangle, support 1
    FILTER_BICUBIC,   // Keys' cubic with a = -0.5, support 2
} Filter;

enum { TAP_FRACTION_BITS = 22 };  // 8 bits of pixel, 22 of weight and a sign, with one to spare

typedef struct {
    int size;       // output pixels
    int max_count;  // the stride of `weights`
    int *first;     // (size)
    int *count;     // (size), each at least 1
    int *weights;   // (size, max_count)
} Taps;

/* How many pixels to either side of its centre an output pixel is made of at most, where `length`
 * pixels become `size`. */
double filter_reach(Filter filter, double length, int size);

/* Weights that resize the part from `begin` to `end` of a row of `src_size` pixels to `dst_size`
 * pixels. Pixels outside the part, and inside the row, still count for those at its border. */
void taps_init(Taps *taps, int src_size, float begin, float end, int dst_size, Filter filter);
void taps_free(Taps *taps);  // takes a zeroed one
