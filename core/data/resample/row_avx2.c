/* DESIGN
 * AVX2 multiplies pairs of 16-bit numbers and adds the two products to 32 bits. A weight of 23 bits
 * and sign is its lower 11 bits and the rest. Each half of a register is a row: for colour it holds
 * two pixels, sorted to pairs of reds, greens and blues; grey goes row by row, sixteen pixels at a
 * time, whose eight sums are added at the end.
 */
#include "core/data/resample/row_kernels.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))

enum { PARTS = 2, LOW_BITS = 11, HALF = 1 << (TAP_FRACTION_BITS - 1) };

static bool supported(void)
{
    return __builtin_cpu_supports("avx2");
}

static void split_weights(const int *weights, int count, int stride, void *parts)
{
    int16_t *low = parts, *high = low + stride;
    for (int k = 0; k < count; k++) {
        low[k] = (int16_t)(weights[k] & ((1 << LOW_BITS) - 1));
        high[k] = (int16_t)(weights[k] >> LOW_BITS);
    }
}

/* Two sums of products, one by the weights' lower parts, one by their higher ones. */
typedef struct {
    __m256i low, high;
} Sums;

AVX2 static inline void add_products(Sums *s, __m256i pixels, __m256i low, __m256i high)
{
    s->low = _mm256_add_epi32(s->low, _mm256_madd_epi16(pixels, low));
    s->high = _mm256_add_epi32(s->high, _mm256_madd_epi16(pixels, high));
}

AVX2 static inline __m256i joined(const Sums *s)
{
    return _mm256_add_epi32(s->low, _mm256_slli_epi32(s->high, LOW_BITS));
}

AVX2 static inline __m256i two_weights(const int16_t *part)
{
    int two;
    memcpy(&two, part, sizeof two);
    return _mm256_set1_epi32(two);
}

/* One pixel of two rows: the first four bytes of each half. */
AVX2 static inline __m256i colour_pixel(const int16_t *parts, int stride, int count,
                                        const uint8_t *upper, const uint8_t *lower)
{
    const __m256i first = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
    const __m256i second = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));
    Sums sums = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int k = 0; k < count; k += 4) {
        const __m256i four = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(upper + 3 * k))),
            _mm_loadu_si128((const __m128i *)(lower + 3 * k)), 1);
        add_products(&sums, _mm256_shuffle_epi8(four, first), two_weights(parts + k),
                     two_weights(parts + stride + k));
        add_products(&sums, _mm256_shuffle_epi8(four, second), two_weights(parts + k + 2),
                     two_weights(parts + stride + k + 2));
    }
    const __m256i rounded = _mm256_add_epi32(joined(&sums), _mm256_set1_epi32(HALF));
    const __m256i shifted = _mm256_srai_epi32(rounded, TAP_FRACTION_BITS);
    const __m256i words = _mm256_packs_epi32(shifted, shifted);
    return _mm256_packus_epi16(words, words);
}

AVX2 static void colour(const SplitTaps *split, const uint8_t *const src[ROW_BLOCK],
                        uint8_t *const dst[ROW_BLOCK])
{
    const Taps *taps = split->taps;
    const int16_t *parts = split->parts;
    const int last = taps->size - 1;
    for (int i = 0; i <= last; i++, parts += PARTS * split->stride) {
        const ptrdiff_t at = 3 * taps->first[i];
        for (int r = 0; r < ROW_BLOCK; r += 2) {
            const __m256i bytes =
                colour_pixel(parts, split->stride, taps->count[i], src[r] + at, src[r + 1] + at);
            const int upper = _mm256_extract_epi32(bytes, 0),
                      lower = _mm256_extract_epi32(bytes, 4);
            // Four bytes are one store; the fourth is the next pixel's, written after it.
            if (i < last) {
                memcpy(dst[r] + 3 * i, &upper, 4);
                memcpy(dst[r + 1] + 3 * i, &lower, 4);
            } else {
                memcpy(dst[r] + 3 * i, &upper, 3);
                memcpy(dst[r + 1] + 3 * i, &lower, 3);
            }
        }
    }
}

AVX2 static inline uint8_t grey_pixel(const int16_t *parts, int stride, int count,
                                      const uint8_t *src)
{
    Sums sums = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int k = 0; k < count; k += 16)
        add_products(&sums, _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(src + k))),
                     _mm256_loadu_si256((const __m256i *)(parts + k)),
                     _mm256_loadu_si256((const __m256i *)(parts + stride + k)));
    const __m256i eight = joined(&sums);
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    const int value = (_mm_cvtsi128_si32(sum) + HALF) >> TAP_FRACTION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

AVX2 static void grey(const SplitTaps *split, const uint8_t *const src[ROW_BLOCK],
                      uint8_t *const dst[ROW_BLOCK])
{
    const Taps *taps = split->taps;
    const int16_t *parts = split->parts;
    for (int i = 0; i < taps->size; i++, parts += PARTS * split->stride)
        for (int r = 0; r < ROW_BLOCK; r++)
            dst[r][i] = grey_pixel(parts, split->stride, taps->count[i], src[r] + taps->first[i]);
}

const RowKernel ROW_AVX2 = {"avx2",        supported, PARTS * sizeof(int16_t),
                            split_weights, grey,      colour};
#endif
