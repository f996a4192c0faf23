/* DESIGN
 * Each sample depends on the one to its left, so that a row is a chain of pixels; what can be done
 * side by side are a pixel's bytes. SSE2, which every x86-64 has, holds them as 8 or 16 bits, four
 * at a time whatever a pixel has: the rest of a load is neighbours, which are not stored.
 */
#include "core/data/decode/png_rows.h"

#include <stdlib.h>
#include <string.h>

static void restore_up(uint8_t *restrict row, const uint8_t *restrict above, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        row[i] = (uint8_t)(row[i] + above[i]);
}

#ifdef __SSE2__
#include <emmintrin.h>

static inline __m128i load(const uint8_t *at)
{
    int bytes;
    memcpy(&bytes, at, sizeof bytes);
    return _mm_cvtsi32_si128(bytes);
}

static inline void store(uint8_t *at, __m128i value, size_t pixel)
{
    const int bytes = _mm_cvtsi128_si32(value);
    memcpy(at, &bytes, pixel);
}

static inline void restore_sub(uint8_t *row, size_t bytes, size_t pixel)
{
    __m128i left = _mm_setzero_si128();
    for (size_t i = 0; i < bytes; i += pixel) {
        left = _mm_add_epi8(load(row + i), left);
        store(row + i, left, pixel);
    }
}

/* Rounded down; the instruction rounds up. */
static inline __m128i average(__m128i a, __m128i b)
{
    const __m128i odd = _mm_and_si128(_mm_xor_si128(a, b), _mm_set1_epi8(1));
    return _mm_sub_epi8(_mm_avg_epu8(a, b), odd);
}

static inline void restore_average(uint8_t *row, const uint8_t *above, size_t bytes, size_t pixel)
{
    __m128i left = _mm_setzero_si128();
    for (size_t i = 0; i < bytes; i += pixel) {
        left = _mm_add_epi8(load(row + i), average(left, load(above + i)));
        store(row + i, left, pixel);
    }
}

static inline __m128i absolute(__m128i x)
{
    return _mm_max_epi16(x, _mm_sub_epi16(_mm_setzero_si128(), x));
}

static inline __m128i choose(__m128i mask, __m128i yes, __m128i no)
{
    return _mm_or_si128(_mm_and_si128(mask, yes), _mm_andnot_si128(mask, no));
}

/* Of left, above and above left that which is nearest to left + above - above left; in 16 bits. */
static inline __m128i paeth(__m128i left, __m128i above, __m128i corner)
{
    const __m128i to_left = _mm_sub_epi16(above, corner), to_above = _mm_sub_epi16(left, corner);
    const __m128i pa = absolute(to_left), pb = absolute(to_above),
                  pc = absolute(_mm_add_epi16(to_left, to_above));
    const __m128i least = _mm_min_epi16(pc, _mm_min_epi16(pa, pb));
    return choose(_mm_cmpeq_epi16(least, pa), left,
                  choose(_mm_cmpeq_epi16(least, pb), above, corner));
}

static inline void restore_paeth(uint8_t *row, const uint8_t *above, size_t bytes, size_t pixel)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i left = zero, corner = zero;
    for (size_t i = 0; i < bytes; i += pixel) {
        const __m128i up = _mm_unpacklo_epi8(load(above + i), zero);
        const __m128i value = _mm_unpacklo_epi8(load(row + i), zero);
        left = _mm_add_epi8(value, paeth(left, up, corner));  // the upper bytes are zero
        corner = up;
        store(row + i, _mm_packus_epi16(left, left), pixel);
    }
}

#else

static inline void restore_sub(uint8_t *row, size_t bytes, size_t pixel)
{
    for (size_t i = pixel; i < bytes; i++)
        row[i] = (uint8_t)(row[i] + row[i - pixel]);
}

static inline void restore_average(uint8_t *row, const uint8_t *above, size_t bytes, size_t pixel)
{
    for (size_t i = 0; i < bytes; i++) {
        const int left = i < pixel ? 0 : row[i - pixel];
        row[i] = (uint8_t)(row[i] + (left + above[i]) / 2);
    }
}

static inline int paeth(int left, int above, int corner)
{
    const int pa = abs(above - corner), pb = abs(left - corner),
              pc = abs(left + above - 2 * corner);
    if (pa <= pb && pa <= pc)
        return left;
    return pb <= pc ? above : corner;
}

static inline void restore_paeth(uint8_t *row, const uint8_t *above, size_t bytes, size_t pixel)
{
    for (size_t i = 0; i < bytes; i++) {
        const int left = i < pixel ? 0 : row[i - pixel], corner = i < pixel ? 0 : above[i - pixel];
        row[i] = (uint8_t)(row[i] + paeth(left, above[i], corner));
    }
}
#endif

enum { FILTER_NONE, FILTER_SUB, FILTER_UP, FILTER_AVERAGE, FILTER_PAETH };

/* `above` is the row before, or zeros. */
static inline __attribute__((always_inline)) bool
restore_row(int filter, uint8_t *row, const uint8_t *above, size_t bytes, size_t pixel)
{
    switch (filter) {
    case FILTER_NONE:
        return true;
    case FILTER_SUB:
        restore_sub(row, bytes, pixel);
        return true;
    case FILTER_UP:
        restore_up(row, above, bytes);
        return true;
    case FILTER_AVERAGE:
        restore_average(row, above, bytes, pixel);
        return true;
    case FILTER_PAETH:
        restore_paeth(row, above, bytes, pixel);
        return true;
    default:
        return false;
    }
}

static inline __attribute__((always_inline)) bool
restore_rows(uint8_t *rows, size_t height, size_t row_bytes, size_t pixel, const uint8_t *zeros)
{
    const uint8_t *above = zeros;
    for (size_t y = 0; y < height; y++) {
        uint8_t *row = rows + y * (row_bytes + 1);
        if (!restore_row(row[0], row + 1, above, row_bytes, pixel))
            return false;
        above = row + 1;
    }
    return true;
}

bool png_rows_restore(uint8_t *rows, size_t height, size_t row_bytes, size_t pixel)
{
    uint8_t *zeros = calloc(row_bytes + PNG_ROW_SLACK, 1);
    bool ok = zeros != NULL;
    // Each a copy of its own, whose number of bytes is known to the compiler.
    if (pixel == 4)
        ok = ok && restore_rows(rows, height, row_bytes, 4, zeros);
    else if (pixel == 3)
        ok = ok && restore_rows(rows, height, row_bytes, 3, zeros);
    else if (pixel == 2)
        ok = ok && restore_rows(rows, height, row_bytes, 2, zeros);
    else
        ok = ok && restore_rows(rows, height, row_bytes, 1, zeros);
    free(zeros);
    return ok;
}
