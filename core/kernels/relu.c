#include "core/kernels/relu.h"

#include <stdint.h>

#include "core/base/invariant.h"
#include "core/base/numbers/simd.h"
#include "core/kernels/rows.h"

/* Comparisons ask for what is dropped, since a NaN compares false with everything. */

SIMD_CLONES static void forward_f32(float *dst, const float *src, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dst[i] = src[i] <= 0 ? 0 : src[i];
}

SIMD_CLONES static void mask_f32(float *dst, const float *diff, const float *value, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dst[i] = value[i] <= 0 ? 0 : diff[i];
}

/* All ones where a bfloat16 is above 0 or a NaN, from its bits: above 0 they are a positive signed
 * number, and those of a NaN whose sign is set, as x86 makes them, are above minus infinity's. No
 * `?:` around the load: GCC would take a branch for each number. */
static inline uint16_t passes(uint16_t bits)
{
    const unsigned positive = (int16_t)bits > 0, negative_nan = bits > 0xff80u;
    return (uint16_t) - (positive | negative_nan);
}

SIMD_CLONES static void forward_bf16(uint16_t *dst, const uint16_t *src, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dst[i] = src[i] & passes(src[i]);
}

SIMD_CLONES static void mask_bf16(uint16_t *dst, const uint16_t *diff, const uint16_t *value,
                                  size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dst[i] = diff[i] & passes(value[i]);
}

void relu_mask_row(dnnl_data_type_t type, void *dst, const void *diff, const void *value,
                   size_t count)
{
    if (type == dnnl_f32)
        mask_f32(dst, diff, value, count);
    else
        mask_bf16(dst, diff, value, count);
}

void relu_forward(Tensor *dst, const Tensor *src)
{
    INVARIANT(dst->type == src->type && tensor_count(dst) == tensor_count(src));
    const Rows rows = rows_of(dst, tensor_is_dense(dst) && tensor_is_dense(src));
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows.count; r++) {
        if (dst->type == dnnl_f32)
            forward_f32(row_at(dst, rows, r), row_at(src, rows, r), row_size(rows, r));
        else
            forward_bf16(row_at(dst, rows, r), row_at(src, rows, r), row_size(rows, r));
    }
}

void relu_mask(Tensor *dst, const Tensor *diff, const Tensor *value)
{
    INVARIANT(diff->type == value->type && dst->type == diff->type);
    INVARIANT(tensor_count(diff) == tensor_count(value) && tensor_count(dst) == tensor_count(diff));
    const Rows rows =
        rows_of(dst, tensor_is_dense(dst) && tensor_is_dense(diff) && tensor_is_dense(value));
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows.count; r++)
        relu_mask_row(diff->type, row_at(dst, rows, r), row_at(diff, rows, r),
                      row_at(value, rows, r), row_size(rows, r));
}
