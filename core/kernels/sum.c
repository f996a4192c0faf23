#include "core/kernels/sum.h"

#include <stdint.h>

#include "core/base/bf16.h"
#include "core/base/chunks.h"
#include "core/base/invariant.h"
#include "core/base/simd.h"

SIMD_CLONES static void set_f32(float *restrict sum, const float *restrict src, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] = src[i];
}

SIMD_CLONES static void add_f32(float *restrict sum, const float *restrict src, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] += src[i];
}

SIMD_CLONES static void set_bf16(float *restrict sum, const uint16_t *restrict src, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] = bf16_to_float(src[i]);
}

SIMD_CLONES static void add_bf16(float *restrict sum, const uint16_t *restrict src, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] += bf16_to_float(src[i]);
}

SIMD_CLONES static void round_bf16(uint16_t *restrict dst, const float *restrict sum, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dst[i] = float_to_bf16(sum[i]);
}

static void sum_chunk_f32(Tensor *dst, Tensor *const *srcs, int src_count, size_t at, size_t size)
{
    float *sum = (float *)dst->data + at;
    set_f32(sum, (const float *)srcs[0]->data + at, size);
    for (int k = 1; k < src_count; k++)
        add_f32(sum, (const float *)srcs[k]->data + at, size);
}

static void sum_chunk_bf16(Tensor *dst, Tensor *const *srcs, int src_count, size_t at, size_t size)
{
    float sum[CHUNK];
    set_bf16(sum, (const uint16_t *)srcs[0]->data + at, size);
    for (int k = 1; k < src_count; k++)
        add_bf16(sum, (const uint16_t *)srcs[k]->data + at, size);
    round_bf16((uint16_t *)dst->data + at, sum, size);
}

void sum_tensors(Tensor *dst, Tensor *const *srcs, int src_count)
{
    INVARIANT(src_count >= 1);
    const size_t count = tensor_count(dst), chunks = chunk_count(count);
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < chunks; c++) {
        const size_t at = c * CHUNK, size = chunk_size(count, c);
        if (dst->type == dnnl_f32)
            sum_chunk_f32(dst, srcs, src_count, at, size);
        else
            sum_chunk_bf16(dst, srcs, src_count, at, size);
    }
}
