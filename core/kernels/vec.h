/* core/kernels/vec.h -- sixteen float32 numbers at a time, in GCC's vector extension.
 *
 * The compiler maps it to what the instruction set has: one register, two or four. Results come
 * back through pointers, since how a vector is returned depends on the instruction set, too. Files
 * that are compiled for AVX512-BF16 round with its instructions.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

enum { VEC = 16 };

typedef float Vec __attribute__((vector_size(64), aligned(64)));
typedef uint32_t VecBits __attribute__((vector_size(64), aligned(64)));
typedef uint16_t VecHalf __attribute__((vector_size(32), aligned(32)));

#define VEC_INLINE static inline __attribute__((always_inline))

/* Round to bfloat16, to nearest and ties to even, and leave the bits in the lower halves. A NaN
 * stays a NaN: rounding could carry it over to 0. */
VEC_INLINE void vec_round(VecBits *bits, const Vec *x)
{
    VecBits b;
    memcpy(&b, x, sizeof b);
    const VecBits number = (VecBits)(*x == *x), nan = (b >> 16) | 0x40u;
    const VecBits rounded = (b + 0x7fffu + ((b >> 16) & 1u)) >> 16;
    *bits = (rounded & number) | (nan & ~number);
}

/* Sixteen numbers from memory, float32 or bfloat16. */
VEC_INLINE void vec_load(Vec *x, const void *src, bool bf16)
{
    if (bf16) {
#ifdef __AVX512BF16__
        const __m256i half = _mm256_loadu_si256((const __m256i *)src);
        *x = (Vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16);
#else
        VecHalf half;
        memcpy(&half, src, sizeof half);
        const VecBits wide = __builtin_convertvector(half, VecBits) << 16;
        memcpy(x, &wide, sizeof *x);
#endif
    } else {
        memcpy(x, src, sizeof *x);
    }
}

VEC_INLINE void vec_store(void *dst, const Vec *x, bool bf16)
{
    if (bf16) {
#ifdef __AVX512BF16__
        const __m256bh half = _mm512_cvtneps_pbh((__m512)*x);
#else
        VecBits bits;
        vec_round(&bits, x);
        const VecHalf half = __builtin_convertvector(bits, VecHalf);
#endif
        memcpy(dst, &half, sizeof half);
    } else {
        memcpy(dst, x, sizeof *x);
    }
}

/* Two rows of sixteen as sixteen pairs of bfloat16, x first. */
VEC_INLINE void vec_pairs(VecBits *pairs, const Vec *x, const Vec *y)
{
#ifdef __AVX512BF16__
    // x in the lower sixteen words and y in the upper, then alternating.
    const __m512i order =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    const __m512i halves = (__m512i)_mm512_cvtne2ps_pbh((__m512)*y, (__m512)*x);
    *pairs = (VecBits)_mm512_permutexvar_epi16(order, halves);
#else
    VecBits a, b;
    vec_round(&a, x);
    vec_round(&b, y);
    *pairs = a | (b << 16);
#endif
}

VEC_INLINE void vec_store_pairs(void *dst, const Vec *x, const Vec *y)
{
    VecBits pairs;
    vec_pairs(&pairs, x, y);
    memcpy(dst, &pairs, sizeof pairs);
}

/* ... past the caches, where `dst` is aligned to 64 bytes: for memory that is not read soon. Before
 * other threads read it, each that has written calls vec_stream_end. */
VEC_INLINE void vec_stream_pairs(void *dst, const Vec *x, const Vec *y)
{
    VecBits pairs;
    vec_pairs(&pairs, x, y);
#ifdef __AVX512BF16__
    if ((uintptr_t)dst % sizeof pairs == 0) {
        _mm512_stream_si512((__m512i *)dst, (__m512i)pairs);
        return;
    }
#endif
    memcpy(dst, &pairs, sizeof pairs);
}

VEC_INLINE void vec_stream_end(void)
{
#ifdef __x86_64__
    __builtin_ia32_sfence();
#endif
}

/* x = value > 0 ? x : 0, which is the backward pass of a ReLU; where value is a NaN, x stays. */
VEC_INLINE void vec_relu_mask(Vec *x, const Vec *value)
{
    const Vec zero = {0};
    VecBits bits;
    memcpy(&bits, x, sizeof bits);
    bits &= ~(VecBits)(*value <= zero);
    memcpy(x, &bits, sizeof *x);
}

/* x = max(0, x); a NaN stays. */
VEC_INLINE void vec_relu(Vec *x)
{
    const Vec zero = {0};
    VecBits bits;
    memcpy(&bits, x, sizeof bits);
    bits &= ~(VecBits)(*x <= zero);
    memcpy(x, &bits, sizeof *x);
}
