#include "core/data/resample/row_kernels.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

const RowKernel *const *row_kernels(int *count)
{
#ifdef __x86_64__
    static const RowKernel *const KERNELS[] = {&ROW_AVX512_VNNI, &ROW_AVX2};
    *count = COUNT(KERNELS);
    return KERNELS;
#else
    *count = 0;
    return NULL;
#endif
}

static SplitTaps split_new(const RowKernel *kernel, const Taps *taps)
{
    const int stride = (taps->max_count + ROW_SLACK - 1) / ROW_SLACK * ROW_SLACK;
    const size_t bytes = (size_t)stride * kernel->tap_bytes;
    uint8_t *parts = xcalloc((size_t)taps->size, bytes);
    for (int i = 0; i < taps->size; i++)
        kernel->split(taps->weights + (size_t)i * (size_t)taps->max_count, taps->count[i], stride,
                      parts + (size_t)i * bytes);
    return (SplitTaps){taps, stride, parts};
}

/* Bytes of a row that the taps reach. */
static size_t reach(const Taps *taps, int channels)
{
    int end = 0;
    for (int i = 0; i < taps->size; i++) {
        const int last = taps->first[i] + taps->count[i];
        end = last > end ? last : end;
    }
    return (size_t)end * (size_t)channels;
}

/* Rows are read where they are, and the last ones from a copy: behind them there may be nothing to
 * be read, and the block may want more rows than there are. */
void row_pass_by(const RowKernel *kernel, const Taps *taps, int channels, int rows,
                 const uint8_t *src, size_t src_row_bytes, uint8_t *dst, size_t dst_row_bytes)
{
    RowBlock *run = channels == 1 ? kernel->grey : kernel->colour;
    const SplitTaps split = split_new(kernel, taps);
    const size_t bytes = reach(taps, channels), copy_bytes = bytes + ROW_SLACK;
    uint8_t *copies = xcalloc(ROW_BLOCK, copy_bytes);
    uint8_t *unused = xcalloc((size_t)taps->size, (size_t)channels);
    for (int y = 0; y < rows; y += ROW_BLOCK) {
        const uint8_t *from[ROW_BLOCK];
        uint8_t *to[ROW_BLOCK];
        const bool copied = y + ROW_BLOCK >= rows || bytes < ROW_SLACK;
        for (int r = 0; r < ROW_BLOCK; r++) {
            const uint8_t *row = src + (size_t)(y + r) * src_row_bytes;
            from[r] = copied ? copies + (size_t)r * copy_bytes : row;
            to[r] = y + r < rows ? dst + (size_t)(y + r) * dst_row_bytes : unused;
            if (copied && y + r < rows)
                memcpy(copies + (size_t)r * copy_bytes, row, bytes);
        }
        run(&split, from, to);
    }
    free(unused);
    free(copies);
    free((void *)split.parts);
}
