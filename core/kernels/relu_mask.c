#include "core/kernels/relu_mask.h"

#include <assert.h>
#include <stdint.h>

#include "core/base/chunks.h"
#include "core/base/simd.h"

SIMD_CLONES static void mask_f32(float *dst, const float *diff, const float *value, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dst[i] = value[i] > 0 ? diff[i] : 0;
}

/* A bfloat16 is above zero exactly when its bits, read as a signed number, are. No `?:` here: GCC
 * would load diff[i] only where it is wanted, which takes a branch for each number. */
SIMD_CLONES static void mask_bf16(uint16_t *dst, const uint16_t *diff, const int16_t *value,
                                  size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dst[i] = (uint16_t)(diff[i] & -(value[i] > 0));
}

void relu_mask_row(dnnl_data_type_t type, void *dst, const void *diff, const void *value,
                   size_t count)
{
    if (type == dnnl_f32)
        mask_f32(dst, diff, value, count);
    else
        mask_bf16(dst, diff, value, count);
}

void relu_mask(Tensor *diff, const Tensor *value)
{
    assert(diff->type == value->type && tensor_count(diff) == tensor_count(value));
    const size_t count = tensor_count(diff), chunks = chunk_count(count);
    const size_t number = dnnl_data_type_size(diff->type);
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < chunks; c++) {
        char *at = (char *)diff->data + c * CHUNK * number;
        relu_mask_row(diff->type, at, at, (const char *)value->data + c * CHUNK * number,
                      chunk_size(count, c));
    }
}
