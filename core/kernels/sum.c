#include "core/kernels/sum.h"

#include <stdint.h>

#include "core/base/invariant.h"
#include "core/base/numbers/bf16.h"
#include "core/base/numbers/simd.h"
#include "core/kernels/relu.h"
#include "core/kernels/rows.h"

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

/* `size` numbers of each, CHUNK or fewer. */
static void sum_row(dnnl_data_type_t type, void *dst, const void *const *srcs, int src_count,
                    size_t size)
{
    if (type == dnnl_f32) {
        set_f32(dst, srcs[0], size);
        for (int k = 1; k < src_count; k++)
            add_f32(dst, srcs[k], size);
        return;
    }
    float sum[CHUNK];
    set_bf16(sum, srcs[0], size);
    for (int k = 1; k < src_count; k++)
        add_bf16(sum, srcs[k], size);
    round_bf16(dst, sum, size);
}

void sum_tensors(Tensor *dst, Tensor *const *srcs, int src_count, const Tensor *value)
{
    INVARIANT(src_count >= 1 && src_count <= SUM_MAX_SRCS);
    bool dense = tensor_is_dense(dst) && (!value || tensor_is_dense(value));
    for (int k = 0; k < src_count; k++)
        dense &= tensor_is_dense(srcs[k]);
    const Rows rows = rows_of(dst, dense);
    const size_t number = tensor_number_bytes(dst->type);
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows.count; r++) {
        const size_t size = row_size(rows, r);
        for (size_t c = 0; c < chunk_count(size); c++) {
            const size_t at = c * CHUNK * number;
            const void *from[SUM_MAX_SRCS];
            for (int k = 0; k < src_count; k++)
                from[k] = (const char *)row_at(srcs[k], rows, r) + at;
            char *to = (char *)row_at(dst, rows, r) + at;
            sum_row(dst->type, to, from, src_count, chunk_size(size, c));
            if (value)
                relu_mask_row(dst->type, to, to, (const char *)row_at(value, rows, r) + at,
                              chunk_size(size, c));
        }
    }
}
