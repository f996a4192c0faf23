/* DESIGN
 * AVX512 VNNI multiplies four bytes without sign by four with sign and adds the products to 32
 * bits. A weight of 23 bits and sign is three digits to the base 256, from -128 to 127. Each
 * quarter of a register is a row: for colour it holds four pixels, sorted to four reds, four
 * greens, four blues; for grey sixteen pixels, whose four sums are added at the end.
 */
#include "core/data/resample/row_kernels.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

enum { DIGITS = 3, HALF = 1 << (TAP_FRACTION_BITS - 1) };

static bool supported(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
           && __builtin_cpu_supports("avx512vnni");
}

static void split_weights(const int *weights, int count, int stride, void *parts)
{
    int8_t *digits = parts;
    for (int k = 0; k < count; k++) {
        int rest = weights[k];
        for (int d = 0; d < DIGITS; d++) {
            const int digit = (int8_t)(rest & 0xff);
            digits[d * stride + k] = (int8_t)digit;
            rest = (rest - digit) / 256;
        }
    }
}

AVX512 static inline __m512i load_rows(const uint8_t *const src[ROW_BLOCK], ptrdiff_t at)
{
    __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)(src[0] + at)));
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(src[1] + at)), 1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(src[2] + at)), 2);
    return _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(src[3] + at)), 3);
}

AVX512 static inline __m512i joined(const __m512i sums[DIGITS])
{
    return _mm512_add_epi32(
        sums[0], _mm512_add_epi32(_mm512_slli_epi32(sums[1], 8), _mm512_slli_epi32(sums[2], 16)));
}

/* Rounded, shifted and clipped to sixteen bytes. */
AVX512 static inline __m128i finished(__m512i sum)
{
    const __m512i shifted =
        _mm512_srai_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(HALF)), TAP_FRACTION_BITS);
    return _mm512_cvtusepi32_epi8(_mm512_max_epi32(shifted, _mm512_setzero_si512()));
}

AVX512 static inline __m512i four_weights(const int8_t *digits)
{
    int four;
    memcpy(&four, digits, sizeof four);
    return _mm512_set1_epi32(four);
}

/* Output pixel i of four rows, each in four bytes of which the last is nothing. */
AVX512 static inline __m128i colour_pixel(const int8_t *digits, int stride, int count,
                                          const uint8_t *const src[ROW_BLOCK], ptrdiff_t at)
{
    const __m512i by_channel =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, -1, -1, -1, -1));
    __m512i sums[DIGITS] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
    for (int k = 0; k < count; k += 4) {
        const __m512i pixels = _mm512_shuffle_epi8(load_rows(src, at + 3 * k), by_channel);
        for (int d = 0; d < DIGITS; d++)
            sums[d] = _mm512_dpbusd_epi32(sums[d], pixels, four_weights(digits + d * stride + k));
    }
    return finished(joined(sums));
}

AVX512 static void colour(const SplitTaps *split, const uint8_t *const src[ROW_BLOCK],
                          uint8_t *const dst[ROW_BLOCK])
{
    const Taps *taps = split->taps;
    const int8_t *digits = split->parts;
    const int last = taps->size - 1;
    uint32_t pixels[ROW_BLOCK];
    // Four bytes are one store; the fourth is the next pixel's, written after it.
    for (int i = 0; i < last; i++, digits += DIGITS * split->stride) {
        _mm_storeu_si128((__m128i *)pixels, colour_pixel(digits, split->stride, taps->count[i], src,
                                                         3 * taps->first[i]));
        for (int r = 0; r < ROW_BLOCK; r++)
            memcpy(dst[r] + 3 * i, &pixels[r], 4);
    }
    _mm_storeu_si128((__m128i *)pixels, colour_pixel(digits, split->stride, taps->count[last], src,
                                                     3 * taps->first[last]));
    for (int r = 0; r < ROW_BLOCK; r++)
        memcpy(dst[r] + 3 * last, &pixels[r], 3);
}

AVX512 static void grey(const SplitTaps *split, const uint8_t *const src[ROW_BLOCK],
                        uint8_t *const dst[ROW_BLOCK])
{
    const Taps *taps = split->taps;
    const int8_t *digits = split->parts;
    for (int i = 0; i < taps->size; i++, digits += DIGITS * split->stride) {
        __m512i sums[DIGITS] = {_mm512_setzero_si512(), _mm512_setzero_si512(),
                                _mm512_setzero_si512()};
        for (int k = 0; k < taps->count[i]; k += 16) {
            const __m512i pixels = load_rows(src, taps->first[i] + k);
            for (int d = 0; d < DIGITS; d++) {
                const __m128i weights =
                    _mm_loadu_si128((const __m128i *)(digits + d * split->stride + k));
                sums[d] = _mm512_dpbusd_epi32(sums[d], pixels, _mm512_broadcast_i32x4(weights));
            }
        }
        __m512i sum = joined(sums);
        sum = _mm512_add_epi32(sum, _mm512_shuffle_epi32(sum, (_MM_PERM_ENUM)0xb1));
        sum = _mm512_add_epi32(sum, _mm512_shuffle_epi32(sum, (_MM_PERM_ENUM)0x4e));
        uint8_t bytes[16];
        _mm_storeu_si128((__m128i *)bytes, finished(sum));
        for (int r = 0; r < ROW_BLOCK; r++)
            dst[r][i] = bytes[4 * r];
    }
}

const RowKernel ROW_AVX512_VNNI = {"avx512_vnni", supported, DIGITS, split_weights, grey, colour};
#endif
