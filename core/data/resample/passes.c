#include "core/data/resample/passes.h"

#include "core/base/simd.h"

enum {
    HALF = 1 << (TAP_FRACTION_BITS - 1),
    BLOCK = 64,  // bytes of a row whose sums stay in registers
};

static inline uint8_t clipped(int sum)
{
    const int value = sum >> TAP_FRACTION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

void row_pass(const Taps *taps, int channels, int rows, const uint8_t *src, size_t src_row_bytes,
              uint8_t *dst, size_t dst_row_bytes)
{
    for (int y = 0; y < rows; y++, src += src_row_bytes, dst += dst_row_bytes) {
        uint8_t *to = dst;
        for (int i = 0; i < taps->size; i++) {
            const int *weights = taps->weights + (size_t)i * (size_t)taps->max_count;
            const uint8_t *from = src + taps->first[i] * channels;
            for (int c = 0; c < channels; c++) {
                int sum = HALF;
                for (int k = 0; k < taps->count[i]; k++)
                    sum += weights[k] * from[k * channels + c];
                *to++ = clipped(sum);
            }
        }
    }
}

/* `bytes` of output row i, of which src and dst are the first. */
SIMD_CLONES static void column_sums(const int *weights, int count, size_t bytes, const uint8_t *src,
                                    size_t src_row_bytes, uint8_t *restrict dst)
{
    int sums[BLOCK];
    for (; bytes >= BLOCK; bytes -= BLOCK, src += BLOCK, dst += BLOCK) {
        for (int x = 0; x < BLOCK; x++)
            sums[x] = HALF;
        for (int k = 0; k < count; k++)
            for (int x = 0; x < BLOCK; x++)
                sums[x] += weights[k] * src[(size_t)k * src_row_bytes + (size_t)x];
        for (int x = 0; x < BLOCK; x++)
            dst[x] = clipped(sums[x]);
    }
    for (size_t x = 0; x < bytes; x++)
        sums[x] = HALF;
    for (int k = 0; k < count; k++)
        for (size_t x = 0; x < bytes; x++)
            sums[x] += weights[k] * src[(size_t)k * src_row_bytes + x];
    for (size_t x = 0; x < bytes; x++)
        dst[x] = clipped(sums[x]);
}

void column_pass(const Taps *taps, size_t bytes, const uint8_t *src, size_t src_row_bytes,
                 uint8_t *dst, size_t dst_row_bytes)
{
    for (int i = 0; i < taps->size; i++)
        column_sums(taps->weights + (size_t)i * (size_t)taps->max_count, taps->count[i], bytes,
                    src + (size_t)taps->first[i] * src_row_bytes, src_row_bytes,
                    dst + (size_t)i * dst_row_bytes);
}
