#include "core/data/resample/passes.h"

#include "core/base/numbers/simd.h"
#include "core/data/resample/row_kernels.h"

enum {
    HALF = 1 << (TAP_FRACTION_BITS - 1),
    BLOCK = 64,  // bytes of a row whose sums stay in registers
};

static inline uint8_t clipped(int sum)
{
    const int value = sum >> TAP_FRACTION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* One number of the result, from `count` numbers that lie `channels` apart. */
static inline uint8_t weighted_sum(const int *weights, int count, const uint8_t *from, int channels)
{
    int sum = HALF;
    for (int k = 0; k < count; k++)
        sum += weights[k] * from[k * channels];
    return clipped(sum);
}

void row_pass_plain(const Taps *taps, int channels, int rows, const uint8_t *src,
                    size_t src_row_bytes, uint8_t *dst, size_t dst_row_bytes)
{
    for (int y = 0; y < rows; y++, src += src_row_bytes, dst += dst_row_bytes) {
        uint8_t *to = dst;
        for (int i = 0; i < taps->size; i++) {
            const int *weights = taps->weights + (size_t)i * (size_t)taps->max_count;
            const uint8_t *from = src + taps->first[i] * channels;
            for (int c = 0; c < channels; c++)
                *to++ = weighted_sum(weights, taps->count[i], from + c, channels);
        }
    }
}

void row_pass(const Taps *taps, int channels, int rows, const uint8_t *src, size_t src_row_bytes,
              uint8_t *dst, size_t dst_row_bytes)
{
    int count = 0;
    const RowKernel *const *kernels = row_kernels(&count);
    if (channels == 1 || channels == 3)
        for (int i = 0; i < count; i++)
            if (kernels[i]->supported()) {
                row_pass_by(kernels[i], taps, channels, rows, src, src_row_bytes, dst,
                            dst_row_bytes);
                return;
            }
    row_pass_plain(taps, channels, rows, src, src_row_bytes, dst, dst_row_bytes);
}

/* `bytes` of an output row, at most BLOCK, of which src and dst are the first. */
static inline __attribute__((always_inline)) void column_block(const int *weights, int count,
                                                               size_t bytes, const uint8_t *src,
                                                               size_t src_row_bytes,
                                                               uint8_t *restrict dst)
{
    int sums[BLOCK];
    for (size_t x = 0; x < bytes; x++)
        sums[x] = HALF;
    for (int k = 0; k < count; k++, src += src_row_bytes)
        for (size_t x = 0; x < bytes; x++)
            sums[x] += weights[k] * src[x];
    for (size_t x = 0; x < bytes; x++)
        dst[x] = clipped(sums[x]);
}

/* One output row. The last block overlaps the one before it, so that all are of full length. */
SIMD_CLONES static void column_row(const int *weights, int count, size_t bytes, const uint8_t *src,
                                   size_t src_row_bytes, uint8_t *restrict dst)
{
    if (bytes < BLOCK) {
        column_block(weights, count, bytes, src, src_row_bytes, dst);
        return;
    }
    for (size_t x = 0; x + BLOCK <= bytes; x += BLOCK)
        column_block(weights, count, BLOCK, src + x, src_row_bytes, dst + x);
    if (bytes % BLOCK > 0)
        column_block(weights, count, BLOCK, src + bytes - BLOCK, src_row_bytes,
                     dst + bytes - BLOCK);
}

void column_pass(const Taps *taps, size_t bytes, const uint8_t *src, size_t src_row_bytes,
                 uint8_t *dst, size_t dst_row_bytes)
{
    for (int i = 0; i < taps->size; i++)
        column_row(taps->weights + (size_t)i * (size_t)taps->max_count, taps->count[i], bytes,
                   src + (size_t)taps->first[i] * src_row_bytes, src_row_bytes,
                   dst + (size_t)i * dst_row_bytes);
}
