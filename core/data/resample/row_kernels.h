/* core/data/resample/row_kernels.h -- inside the room: the row pass for instruction sets that need
 * more than a compiler makes of a plain loop, since the bytes of a pixel lie side by side.
 *
 * A kernel makes rows four at a time, for 1 and 3 channels. It reads weights that were split into
 * parts of 8 or 16 bits, for which there are products of pairs or fours summed into 32 bits:
 *
 *   weight = sum over p < parts of part[p] * 2^shift[p]
 *
 * Sums of 32 bits may wrap on the way; the result fits.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/data/resample/taps.h"

enum {
    ROW_BLOCK = 4,   // rows
    ROW_SLACK = 16,  // bytes behind the last pixel of a row that may be read; taps are padded to it
};

typedef struct {
    const Taps *taps;
    int stride;         // taps of an output pixel, a multiple of ROW_SLACK; zeros behind its last
    const void *parts;  // (taps->size, parts, stride)
} SplitTaps;

typedef void RowBlock(const SplitTaps *split, const uint8_t *const src[ROW_BLOCK],
                      uint8_t *const dst[ROW_BLOCK]);

typedef struct {
    const char *name;
    bool (*supported)(void);
    size_t tap_bytes;  // of one tap's parts together
    void (*split)(const int *weights, int count, int stride, void *parts);
    RowBlock *grey, *colour;
} RowKernel;

/* The best first; `count` of them, which may be 0. */
const RowKernel *const *row_kernels(int *count);

extern const RowKernel ROW_AVX512_VNNI, ROW_AVX2;

/* The whole pass by one kernel, which must be supported; channels 1 or 3. */
void row_pass_by(const RowKernel *kernel, const Taps *taps, int channels, int rows,
                 const uint8_t *src, size_t src_row_bytes, uint8_t *dst, size_t dst_row_bytes);

/* By the plain loop; any number of channels. */
void row_pass_plain(const Taps *taps, int channels, int rows, const uint8_t *src,
                    size_t src_row_bytes, uint8_t *dst, size_t dst_row_bytes);
