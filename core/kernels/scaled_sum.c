#include "core/kernels/scaled_sum.h"

#include <stdint.h>
#include <string.h>

#include "core/base/invariant.h"
#include "core/base/numbers/bf16.h"
#include "core/base/numbers/simd.h"
#include "core/base/threads/chunks.h"
#include "core/kernels/relu.h"

/* Comparisons ask for what is dropped, since a NaN compares false with everything. */

SIMD_CLONES static void forward_f32(float *dst, const float *a, const float *b, float scale,
                                    size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dst[i] = a[i] + scale * b[i];
}

SIMD_CLONES static void forward_relu_f32(float *dst, const float *a, const float *b, float scale,
                                         size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        const float x = a[i] + scale * b[i];
        dst[i] = x <= 0 ? 0 : x;
    }
}

SIMD_CLONES static void forward_bf16(uint16_t *dst, const uint16_t *a, const uint16_t *b,
                                     float scale, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dst[i] = float_to_bf16(bf16_to_float(a[i]) + scale * bf16_to_float(b[i]));
}

SIMD_CLONES static void forward_relu_bf16(uint16_t *dst, const uint16_t *a, const uint16_t *b,
                                          float scale, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        const float x = bf16_to_float(a[i]) + scale * bf16_to_float(b[i]);
        dst[i] = float_to_bf16(x <= 0 ? 0 : x);
    }
}

SIMD_CLONES static void scale_f32(float *dst, const float *src, float scale, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dst[i] = scale * src[i];
}

SIMD_CLONES static void scale_bf16(uint16_t *dst, const uint16_t *src, float scale, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dst[i] = float_to_bf16(scale * bf16_to_float(src[i]));
}

/* Where number `at` of a tensor is; NULL of NULL. */
static void *number(const Tensor *t, size_t at)
{
    return t ? (char *)t->data + at * tensor_number_bytes(t->type) : NULL;
}

static void check_alike(const Tensor *a, const Tensor *b)
{
    INVARIANT(!a || !b || (a->type == b->type && tensor_count(a) == tensor_count(b)));
}

void scaled_sum_forward(ScaledSum how, Tensor *dst, Tensor *const srcs[2])
{
    check_alike(dst, srcs[0]);
    check_alike(dst, srcs[1]);
    const size_t count = tensor_count(dst), chunks = chunk_count(count);
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < chunks; c++) {
        const size_t at = c * CHUNK, size = chunk_size(count, c);
        void *sum = number(dst, at), *a = number(srcs[0], at), *b = number(srcs[1], at);
        if (dst->type == dnnl_f32)
            (how.relu ? forward_relu_f32 : forward_f32)(sum, a, b, how.scale, size);
        else
            (how.relu ? forward_relu_bf16 : forward_bf16)(sum, a, b, how.scale, size);
    }
}

void scaled_sum_backward(ScaledSum how, Tensor *const diff_srcs[2], Tensor *diff_dst,
                         const Tensor *dst)
{
    check_alike(diff_dst, diff_srcs[0]);
    check_alike(diff_dst, diff_srcs[1]);
    check_alike(diff_dst, how.relu ? dst : NULL);
    const size_t count = tensor_count(diff_dst), chunks = chunk_count(count);
    const bool f32 = diff_dst->type == dnnl_f32;
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < chunks; c++) {
        const size_t at = c * CHUNK, size = chunk_size(count, c);
        void *diff = number(diff_dst, at), *first = number(diff_srcs[0], at);
        void *second = number(diff_srcs[1], at);
        void *masked = first ? first : diff;
        if (how.relu)
            relu_mask_row(diff_dst->type, masked, diff, number(dst, at), size);
        else if (masked != diff)
            memcpy(masked, diff, size * tensor_number_bytes(diff_dst->type));
        if (second && f32)
            scale_f32(second, masked, how.scale, size);
        else if (second)
            scale_bf16(second, masked, how.scale, size);
    }
}
